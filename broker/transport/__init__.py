"""How packets come in and annotations go out: Kafka and files.

Nothing here looks into a packet.
"""
