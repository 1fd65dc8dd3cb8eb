"""The replay of archives: what is whole is sent, and what is lost is said."""

from __future__ import annotations

import gzip

import pytest

from broker.cli.replay import replay_files
from broker.errors import FatalError
from broker.monitor.console import Console
from broker.transport.embedded_kafka import EmbeddedBroker
from tests.broker.packets import candidate, container, ztf_alert
from tests.broker.transport.cluster import config, read_all

ALERTS = [ztf_alert(candidate(), objectId=f"ZTF18aaaaaa{letter}") for letter in "abc"]


def test_of_a_damaged_file_what_is_whole_is_sent_before_the_replay_fails(tmp_path):
    damaged, whole = tmp_path / "damaged.avro.gz", tmp_path / "whole.avro.gz"
    packed = bytearray(gzip.compress(container(*ALERTS[:2], sync_interval=1)))
    packed[-8] ^= 0xFF  # of the checksum
    damaged.write_bytes(packed)
    whole.write_bytes(gzip.compress(container(ALERTS[2])))
    with EmbeddedBroker() as broker:
        settings = config(broker.bootstrap_servers)
        with pytest.raises(
            FatalError, match=r"sent 3 packets.*damaged\.avro\.gz: gzip stream: wrong checksum"
        ):
            replay_files([damaged, whole], settings, topic="alerts", per_second=None, console=Console())
        sent = {message.value() for message in read_all(broker.bootstrap_servers, "alerts", 3)}
    assert sent == {container(alert) for alert in ALERTS}
