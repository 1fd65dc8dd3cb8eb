"""What is written down for others to read: record schemas by name and version, the model manifest.

Nothing here imports another package of ours, so that all may import it.
"""
