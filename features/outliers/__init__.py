"""Outliers: points that nothing supports, found at a period that no single point decides.

Nothing here deletes a point for good: what is left out is made anew from all points at every measurement.
"""
