"""Photometry between the two stages: the record of one alert, and the partition that its object lives in.

Nothing here speaks to Kafka.
"""
