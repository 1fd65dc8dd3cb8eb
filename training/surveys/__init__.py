"""Public sets of light curves that are known by their names: their labels, papers and bands.

Files are read in `training.data`; nothing here reads one.
"""
