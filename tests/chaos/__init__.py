"""Chaos: workers and brokers are killed and paused at any moment, and the topics prove what came of it.

Nothing here touches a broker that it did not start.
"""
