"""What reading from Kafka has to know: its group, its topics, where it goes on, what an error means.

Nothing here hands on packets: that is the source's.
"""
