"""The command ``varstream``: arguments to calls.

Nothing here is worth calling from elsewhere.
"""
