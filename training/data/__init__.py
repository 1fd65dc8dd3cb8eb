"""From files to labelled light curves: formats, columns, labels, the public surveys.

Nothing here computes features.
"""
