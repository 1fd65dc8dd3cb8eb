"""The two stages of a worker: packets to photometry, and photometry to annotations.

No loop is here: `broker.worker` has it.
"""
