"""A producer below the Python client, for messages that it would not write but others may."""

from __future__ import annotations

import ctypes
from pathlib import Path

import confluent_kafka
import pytest

_TOPIC, _PARTITION, _VALUE, _KEY, _TIMESTAMP, _HEADER = 1, 3, 4, 5, 8, 9  # of rd_kafka_vtype_t
_ERROR_BYTES = 512


def send_raw(
    servers: str,
    topic: str,
    value: bytes,
    *,
    key: bytes | None = None,
    timestamp_ms: int | None = None,
    header: tuple[bytes, bytes] | None = None,
) -> None:
    """Write a message to partition 0, with a key, a time and a header as they are."""
    library = _library()
    error = ctypes.create_string_buffer(_ERROR_BYTES)
    settings = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(settings, b"bootstrap.servers", servers.encode(), error, _ERROR_BYTES)
    client = ctypes.c_void_p(library.rd_kafka_new(0, settings, error, _ERROR_BYTES))
    assert client.value, error.value
    parts: list[ctypes._SimpleCData[object]] = []

    def put(kind: int, *values: ctypes._SimpleCData[object]) -> None:
        parts.extend([ctypes.c_int(kind), *values])

    put(_TOPIC, ctypes.c_char_p(topic.encode()))
    put(_PARTITION, ctypes.c_int32(0))
    put(_VALUE, ctypes.c_char_p(value), ctypes.c_size_t(len(value)))
    if key is not None:
        put(_KEY, ctypes.c_char_p(key), ctypes.c_size_t(len(key)))
    if timestamp_ms is not None:
        put(_TIMESTAMP, ctypes.c_int64(timestamp_ms))
    if header is not None:
        name, content = header
        put(_HEADER, ctypes.c_char_p(name), ctypes.c_char_p(content), ctypes.c_ssize_t(len(content)))
    assert library.rd_kafka_producev(client, *parts, ctypes.c_int(0)) == 0
    assert library.rd_kafka_flush(client, 60_000) == 0
    library.rd_kafka_destroy(client)


def _library() -> ctypes.CDLL:
    """librdkafka as the wheel of confluent-kafka brings it."""
    found = list(Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*.so*"))
    if not found:
        pytest.skip("confluent-kafka is not from a wheel: its librdkafka is not found")
    library = ctypes.CDLL(str(found[0]))
    library.rd_kafka_conf_new.restype = library.rd_kafka_new.restype = ctypes.c_void_p
    return library
