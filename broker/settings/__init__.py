"""Settings of the worker: what can be set, how it is read, and what cannot work.

Nothing here acts on them.
"""
