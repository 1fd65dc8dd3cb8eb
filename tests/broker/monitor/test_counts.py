from __future__ import annotations

import socket
import urllib.request

import pytest

from broker.errors import ConfigError
from broker.monitor.counts import Counts, Metrics
from broker.state.store import MemoryStore
from tests.broker.streams import packets, pipeline, simulated


@pytest.fixture(scope="module")
def batch():
    """Two used alerts, one of them sent twice, and a packet nobody can read."""
    payloads = [a.payload for a in simulated()[:2]]
    return pipeline(MemoryStore()).process(packets([*payloads, payloads[0], b"poison"]))


def test_counts_add_up_and_name_their_reasons(batch):
    counts = Counts()
    counts.add(batch)
    counts.add(batch)
    assert counts.alerts_in == 8
    assert counts.as_json()["alerts_skipped"] == {"duplicate": 2}
    assert counts.as_json()["alerts_dead"] == {"bad_magic": 2}
    assert counts.alerts_used == 4
    assert str(counts).startswith("8 alerts in = 4 used + 2 (duplicate 2) skipped + 2 (bad_magic 2) dead;")


def test_prometheus_can_scrape_the_same_tallies(batch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    metrics = Metrics()
    metrics.serve(port)
    metrics.add(batch, process_s=0.5, finish_s=0.25)
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['varstream_alerts_total{outcome="used",reason=""}']) == 2
    assert float(lines['varstream_alerts_total{outcome="skipped",reason="duplicate"}']) == 1
    assert float(lines['varstream_alerts_total{outcome="dead",reason="bad_magic"}']) == 1
    assert float(lines['varstream_batch_seconds_sum{stage="process"}']) == 0.5
    assert float(lines["varstream_batch_alerts_count"]) == 1
    with pytest.raises(ConfigError, match=f"cannot serve metrics on port {port}"):
        Metrics().serve(port)
