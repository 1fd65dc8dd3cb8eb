"""Our classes in the words of catalogues and brokers: a file of names for each version, and how it is read.

Nothing here knows a survey's files, or decides on a class.
"""
