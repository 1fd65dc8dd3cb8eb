"""From source to machine code: compiling the kernels, keeping what was compiled, knowing which code it is of.

Nothing here computes.
"""
