"""Systems of a few linear equations, as the normal equations of a fit are.

Nothing here knows light curves.
"""
