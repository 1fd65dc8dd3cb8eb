"""Packets are handed on once, whatever ends when: a crash after every step, any split, any workers."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import Origin, Packet
from broker.commit import ExactlyOnce
from broker.photometry.record import PhotometryReader
from broker.settings.clusters import KafkaConfig
from broker.stages.ingest import Ingest, PositionsLedger
from broker.transport.outbox import IngestedOutbox
from broker.transport.survey_source import SurveySource
from broker.worker import Stage
from tests.broker.stages.parts import PARTITIONS, PATIENCE_S, connection, group, reader, transactions
from tests.broker.stages.transactional_log import Cluster, Crash
from tests.broker.streams import decoder, simulated


def ingest_cluster(payloads):
    cluster = Cluster()
    for topic, n in (("survey", 3), ("positions", PARTITIONS), ("photometry", PARTITIONS), ("dead", 1)):
        cluster.make(topic, n)
    for number, payload in enumerate(payloads):
        cluster.fill("survey", number % 3, None, payload)
    return cluster


def ingester(instance: str, batch_size: int):
    config = KafkaConfig(topics=("survey",), group_id="me", patience_s=PATIENCE_S)
    member = group("ingest", instance, "positions")
    source = SurveySource(
        config,
        connection(),
        member,
        reader("positions"),
        positions_topic="positions",
        n_partitions=PARTITIONS,
        batch_size=batch_size,
    )
    source.connect()
    member.connect()
    commit = ExactlyOnce(
        source,
        transactions(instance, "ingest"),
        IngestedOutbox("photometry", "dead", n_partitions=PARTITIONS, max_letter_bytes=1_000_000),
        PositionsLedger(source, "positions"),
    )
    return Stage(source, Ingest(decoder()), commit, stop=threading.Event())


def ingest_to_end(cluster, shares, batch_size):
    stages = [ingester(name, batch_size) for name in shares]
    cluster.rebalance("ingest", shares)
    total = sum(map(len, cluster.logs["survey"]))
    while len(cluster.visible("photometry")) + len(cluster.visible("dead")) < total:
        for stage in stages:
            stage.step()


PACKETS = [*[a.payload for a in simulated()][:12], b"noise"]


def handed_on(cluster):
    """Where the packets were that are in the photometry and in the dead letters, and each object's order."""
    records = PhotometryReader(PARTITIONS)
    found = []
    for number, _, entry in cluster.visible("photometry"):
        made = records.read(Packet(entry.value, Origin(topic="photometry", partition=number)))
        found.append((made.arrival.origin.partition, made.arrival.origin.offset))
    tags = [dict(entry.headers) for *_, entry in cluster.visible("dead")]
    dead = [(int(each["partition"]), int(each["offset"])) for each in tags]
    return sorted([*found, *dead])


@pytest.mark.parametrize("successor", ["a", "b"])
def test_every_packet_is_handed_on_once_whatever_ends_when(world, successor):
    everything = sorted((n % 3, n // 3) for n in range(len(PACKETS)))
    world.cluster = ingest_cluster(PACKETS)
    ingest_to_end(world.cluster, {"a": {0, 1}}, 4)
    steps = world.cluster.steps
    assert handed_on(world.cluster) == everything
    for k in range(steps + 1):
        world.cluster = cluster = ingest_cluster(PACKETS)
        cluster.crash_after = k
        with pytest.raises(Crash) if k < steps else nullcontext():
            ingest_to_end(cluster, {"a": {0, 1}}, 4)
        cluster.crash_after = None
        if successor != "a":
            cluster.give_up("ingest", "a")
        ingest_to_end(cluster, {successor: {0, 1}}, 5)
        assert handed_on(cluster) == everything, f"after step {k}"


@given(batch_size=st.integers(1, 20), two=st.booleans())
def test_any_split_hands_every_packet_on_once(world, batch_size, two):
    world.cluster = ingest_cluster(PACKETS)
    ingest_to_end(world.cluster, {"a": {0}, "b": {1}} if two else {"a": {0, 1}}, batch_size)
    assert handed_on(world.cluster) == sorted((n % 3, n // 3) for n in range(len(PACKETS)))
