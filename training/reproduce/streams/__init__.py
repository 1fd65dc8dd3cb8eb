"""Experiments on what fills alert streams: what is in no class, and copies of what has no period.

Nothing here is of the paper, and nothing is trained that is shipped.
"""
