"""What watches over a worker: the watchdog that ends one that hangs.

Nothing here reads or writes a topic.
"""
