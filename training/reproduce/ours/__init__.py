"""Our recipe on the paper's targets, beside forests and without each of its parts.

The networks are trained by `training.crossfit`, as every model is.
"""
