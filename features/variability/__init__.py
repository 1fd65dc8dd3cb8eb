"""The features beside the period: moments, normality, the Fourier fit, the folded curve.

Nothing here cleans or searches: kernels take clean points, and a period, and return numbers.
"""
