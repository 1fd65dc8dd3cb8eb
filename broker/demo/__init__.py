"""``varstream demo`` and the picture of the README: the real parts shown on simulated stars.

No worker needs anything of it.
"""
