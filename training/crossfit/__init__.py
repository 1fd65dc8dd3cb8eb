"""One recipe, one dataset, every star asked of a network that has not seen it.

What is done with the result is not decided here.
"""
