"""From the bytes of a packet to vetted epochs: decoding, schemas, each survey's own words.

Nothing here knows light curves or Kafka.
"""
