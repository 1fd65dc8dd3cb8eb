"""Surveys made up for the demo and the tests: a sky of stars, and packets as ZTF and LSST send them.

Nothing here may be needed by a worker.
"""
