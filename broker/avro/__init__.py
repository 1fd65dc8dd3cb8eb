"""Avro as alerts use it: containers, writer schemas, and a reader that touches only what is wanted."""
