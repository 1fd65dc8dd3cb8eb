"""Schema registries: folders and services that give schemas by id, and take ours.

Nothing here knows what is in a schema.
"""
