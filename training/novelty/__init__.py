"""Novelty: how unlike the stars of the training a light curve is, by its features and by the network.

Arrays in, arrays out: nothing here knows light curves, surveys or model folders.
"""
