"""The command ``varstream-train``: arguments to calls.

Nothing here is worth calling from elsewhere.
"""
