"""A model folder as training writes it and the worker serves it: manifest and graph.

Where the shipped ones lie is known here too. Nothing here trains.
"""
