"""Surveys made up for the demo and the tests: a sky of stars, and packets as ZTF and LSST send them.

No worker needs anything of it.
"""
