"""Speeds, as ratios to other packages in the same run.

``make bench`` runs them all.
"""
