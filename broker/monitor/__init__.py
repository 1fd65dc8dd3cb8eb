"""What people and machines see of a run: counts, metrics, terminal, logs.

Nothing here changes what is published.
"""
