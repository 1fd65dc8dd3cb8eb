"""Partitions of objects: those that Kafka's own clients take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.photometry.partitioner import murmur2, partition_of

# of Kafka's own test of its hash, org.apache.kafka.common.utils.UtilsTest, as signed 32-bit numbers
KAFKA_S_OWN = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", KAFKA_S_OWN)
def test_the_hash_is_that_of_kafka_s_java_client(key):
    assert murmur2(key) == KAFKA_S_OWN[key] % 2**32


@given(key=st.text(), n=st.integers(1, 1000))
def test_a_key_has_one_partition_of_those_there_are(key, n):
    assert 0 <= partition_of(key, n) < n
    assert partition_of(key, n) == partition_of(key, n)


def test_objects_are_spread_evenly():
    """Of 32,000 objects a partition of 32 has 1,000, give or take five times the noise of chance."""
    counts = [0] * 32
    for number in range(32_000):
        counts[partition_of(f"ztf:ZTF18ab{number:07d}", 32)] += 1
    assert max(abs(n - 1000) for n in counts) < 5 * 1000**0.5
