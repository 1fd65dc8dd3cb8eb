"""Which light curves are of the same star, and the folds that never cut through one.

Nothing here looks at magnitudes.
"""
