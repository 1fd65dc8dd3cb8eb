"""Our recipe on the paper's targets, beside forests and without each of its parts.

No network is trained here but by `training.crossfit`, as every model is.
"""
