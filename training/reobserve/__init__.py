"""Stars as another survey would see them: a model of each star, then that survey's cadence and noise.

Nothing here learns.
"""
