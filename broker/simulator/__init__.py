"""Simulated variable stars as ZTF and LSST would see them, to the bytes of their alerts."""
