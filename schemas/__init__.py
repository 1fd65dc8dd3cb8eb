"""What is written down for all to read: record schemas by name and version, the model manifest, survey facts.

Nothing here imports another package of ours, so that all may import it.
"""
