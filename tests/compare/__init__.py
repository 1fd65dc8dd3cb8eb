"""Two versions side by side: what their commands write from the same data, field by field.

Run by hand (``make compare COMMIT=...``); no test is here.
"""
