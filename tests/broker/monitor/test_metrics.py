from __future__ import annotations

import socket
import urllib.request

import pytest

from broker.errors import ConfigError
from broker.monitor.metrics import Metrics


def test_prometheus_can_scrape_the_same_tallies(batch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    metrics = Metrics()
    metrics.serve(port)
    metrics.add(batch, process_s=0.5, finish_s=0.25)
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['varstream_alerts_total{outcome="used",reason=""}']) == 2
    assert float(lines['varstream_alerts_total{outcome="skipped",reason="duplicate"}']) == 1
    assert float(lines['varstream_alerts_total{outcome="dead",reason="bad_magic"}']) == 1
    assert float(lines['varstream_batch_seconds_sum{stage="process"}']) == 0.5
    assert float(lines["varstream_batch_alerts_count"]) == 1
    with pytest.raises(ConfigError, match=f"cannot serve metrics on port {port}"):
        Metrics().serve(port)
