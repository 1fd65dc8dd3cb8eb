"""Avro as alerts need it: containers, writer schemas compiled to programs, the kernel that runs them.

Nothing here knows what a survey's fields mean.
"""
