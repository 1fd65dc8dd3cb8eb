"""From a light curve to an annotation: the model at work, the record and its encoding.

Nothing here knows where either comes from or goes.
"""
