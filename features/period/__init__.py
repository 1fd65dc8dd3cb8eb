"""The period of a light curve: the grid of frequencies, the search on it, the refinement.

Nothing here computes another feature.
"""
