"""Networks and how they are fitted: layers, losses, schedules, preprocessing, temperature.

Nothing here knows files or stars.
"""
