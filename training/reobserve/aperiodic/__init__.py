"""Stars without a period: light curves between their epochs, and outbursts that come again at other times.

Nothing here folds a light curve or looks for a period.
"""
