"""The partition of an object: by the hash that Kafka's own Java clients take."""

from __future__ import annotations

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_M = 0x5BD1E995
_R = 24


def murmur2(key: bytes) -> int:
    """32-bit MurmurHash2 of a key, as `org.apache.kafka.common.utils.Utils.murmur2` computes it, unsigned.

    librdkafka's own default is another hash: partitions are always given explicitly here, so that any
    client, in any language, finds the partition of an object.
    """
    length = len(key)
    h = (_SEED ^ length) & _MASK
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M & _MASK
        k ^= k >> _R
        h = (h * _M & _MASK) ^ (k * _M & _MASK)
    if whole < length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    h ^= h >> 13
    h = h * _M & _MASK
    return h ^ h >> 15


def partition_of(key: str, n_partitions: int) -> int:
    """Partition, of so many, that the records of a key are in."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % n_partitions
