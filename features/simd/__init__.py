"""Several numbers at a time: a type for the vector registers of the processor, and what is written on it.

Nothing here knows light curves.
"""
