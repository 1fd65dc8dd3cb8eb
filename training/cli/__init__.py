"""The command ``varstream-train``: arguments to calls.

Anything worth calling from elsewhere lives in another folder.
"""
