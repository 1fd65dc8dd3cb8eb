"""Avro as alerts need it: containers, writer schemas compiled to programs, their interpreter.

Nothing here knows what a survey's fields mean.
"""
