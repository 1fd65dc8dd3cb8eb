"""Light curves, and where they live between alerts: merging and storing.

Nothing here reads packets or scores.
"""
