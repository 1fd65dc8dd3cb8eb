"""Several bands of one star: their one period, and their one merged curve.

No other feature is computed here, and nothing here knows whose bands they are: a band is a number.
"""
