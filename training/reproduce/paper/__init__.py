"""The tables and figures of Kim et al. (2021), by the paper's own loop.

Nothing here is our recipe: that is in `training.reproduce.ours`.
"""
