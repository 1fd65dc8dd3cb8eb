"""The tables and figures of Kim et al. (2021), by the paper's own loop.

What we do otherwise is in `training.reproduce.ours`.
"""
