"""From source to machine code: compiling the kernels, and knowing which code they were made from.

Nothing here computes.
"""
