"""Whose fault it is: a packet's, which becomes a dead letter, or this installation's, which waits or stops.

Nothing here reads, scores or publishes.
"""
