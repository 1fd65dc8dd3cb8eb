from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from broker.errors import ConfigError
from broker.monitor.metrics import Metrics


def free_port(address="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as free:
        free.bind((address, 0))
        return free.getsockname()[1]


def test_prometheus_can_scrape_the_same_tallies(batch):
    port = free_port()
    metrics = Metrics()
    metrics.serve(port, address="127.0.0.1")
    metrics.add(batch, process_s=0.5, finish_s=0.25)
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['varstream_alerts_total{outcome="used",reason=""}']) == 2
    assert float(lines['varstream_alerts_total{outcome="skipped",reason="duplicate"}']) == 1
    assert float(lines['varstream_alerts_total{outcome="dead",reason="bad_magic"}']) == 1
    assert float(lines['varstream_batch_seconds_sum{stage="process"}']) == 0.5
    assert float(lines["varstream_batch_alerts_count"]) == 1
    with pytest.raises(ConfigError, match=f"cannot serve metrics on port {port} of 127.0.0.1"):
        Metrics().serve(port, address="127.0.0.1")


def test_records_of_stars_have_a_tally_of_their_own(fused_batch):
    port = free_port()
    metrics = Metrics()
    metrics.serve(port, address="127.0.0.1")
    metrics.add(fused_batch, process_s=0.5, finish_s=0.25)
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for name, records in (
        ("varstream_annotations", fused_batch.annotations),
        ("varstream_fused_annotations", [a for a in fused_batch.annotations if a.record["band"] == "all"]),
    ):
        labelled = sum(a.record["label"] is not None for a in records)
        assert float(lines[name + '_total{labelled="yes"}']) == labelled > 0
        assert float(lines[name + '_total{labelled="no"}']) == len(records) - labelled


def other_addresses():
    """Addresses of this machine that are not the loopback one that the worker names by itself."""
    return ["127.0.0.2", "::1"] if socket.has_ipv6 else ["127.0.0.2"]


@pytest.mark.parametrize("address", other_addresses())
def test_metrics_are_served_on_the_address_that_is_named_and_on_no_other(address):
    try:
        port = free_port(address)
    except OSError as exc:
        pytest.skip(f"this machine has no {address}: {exc}")
    Metrics().serve(port, address=address)
    host = f"[{address}]" if ":" in address else address
    assert b"varstream_alerts" in urllib.request.urlopen(f"http://{host}:{port}/metrics").read()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics")


def test_an_address_that_is_not_of_this_machine_is_a_wrong_setting():
    with pytest.raises(ConfigError, match=r"of 192\.0\.2\.1: .*; set metrics\.port or metrics\.address"):
        Metrics().serve(free_port(), address="192.0.2.1")  # of documentation: nobody has it
    with pytest.raises(ConfigError, match=r"of nowhere\.invalid"):
        Metrics().serve(free_port(), address="nowhere.invalid")
