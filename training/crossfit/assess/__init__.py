"""Assessment: what cross-fitted answers are worth, as a manifest states it.

Nothing here trains.
"""
