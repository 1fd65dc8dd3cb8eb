"""The command ``varstream explain``: why an object got its label, as a table and as a picture.

Nothing here is part of the worker; the reasons that its records name are in `broker.classify.reasons`.
"""
