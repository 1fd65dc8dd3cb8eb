"""A model folder as training writes it and the worker serves it: manifest and graph.

Nothing here trains.
"""
