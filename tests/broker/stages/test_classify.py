"""Photometry is annotated once, whatever ends when: a crash after every step, any split, any workers."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import Arrival, Origin
from broker.commit import ExactlyOnce
from broker.errors import AbortedError
from broker.photometry.partitioner import partition_of
from broker.photometry.record import PhotometryReader, encode
from broker.pipeline import Pipeline
from broker.stages.classify import ChangelogLedger
from broker.state.object_record import curve_of, sealed_key, tail_key
from broker.state.partition_store import StoreIdentity
from broker.state.partitions import PartitionStores
from broker.transport.outbox import ClassifiedOutbox
from broker.transport.photometry_source import PhotometrySource
from broker.worker import Stage
from tests.broker.epochs import alert, epoch
from tests.broker.stages.parts import PARTITIONS, group, reader, transactions
from tests.broker.stages.transactional_log import Cluster, Crash
from tests.broker.streams import annotator

STARS = ("star", "another", "third")
PASSING = ("ingest_time_us", "publish_time_us")


def photometry():
    """Alerts of some stars: histories, a repeat, a correction, and noise, in the order they are read in."""
    made = []
    for n in range(1, 6):
        history = [epoch(m) for m in range(1, n, 2)]
        made += [alert(epoch(n, mag=15.0 + n % 3), *history, object_id=star) for star in STARS]
    made += [made[3], alert(epoch(2, mag=16.5), object_id="star")]
    arrived = [
        replace(a, arrival=Arrival(Origin(topic="survey", partition=0, offset=n), n, n), vetting="v" * 32)
        for n, a in enumerate(made)
    ]
    return [(a.key, encode(a)) for a in arrived]


def classify_cluster():
    cluster = Cluster()
    for topic, n in (("photometry", PARTITIONS), ("changelog", PARTITIONS), ("out", 1), ("dead", 1)):
        cluster.make(topic, n)
    for key, value in photometry():
        cluster.fill("photometry", partition_of(key, PARTITIONS), key.encode(), value)
    cluster.fill("photometry", 0, b"noise", b"noise")
    return cluster


def classifier(folder: Path, instance: str, batch_size: int, *, forget_after_ms: int = 0):
    """A worker that classifies, as `varstream run` puts it together; not in its group yet."""
    stores = PartitionStores(
        folder / instance, StoreIdentity("double", "id", PARTITIONS), "id", forget_after_ms
    )
    member = group("classify", instance, "photometry")
    source = PhotometrySource("photometry", member, reader("changelog"), stores, batch_size=batch_size)
    member.connect()
    commit = ExactlyOnce(
        source,
        transactions(instance, "classify"),
        ClassifiedOutbox("out", "dead", "json", schema_id=None, max_letter_bytes=10_000),
        ChangelogLedger(stores, "changelog"),
    )
    pipeline = Pipeline(PhotometryReader(PARTITIONS), annotator(), stores)
    return source, Stage(source, pipeline, commit, stop=threading.Event())


def run_to_end(cluster, folder, shares, batch_size, **more):
    """Have workers share the partitions until all is committed."""
    workers = {name: classifier(folder, name, batch_size, **more) for name in shares}
    cluster.rebalance("classify", shares)
    try:
        while not all(
            cluster.committed.get(("classify", "photometry", n)) == len(cluster.logs["photometry"][n])
            for n in range(PARTITIONS)
        ):
            for _, stage in workers.values():
                stage.step()
    finally:
        for source, _ in workers.values():
            source.close()


def published(cluster):
    """What is seen of annotations, times aside, in the order of each object, and the light curves."""
    said: dict[str, list] = {}
    for _, _, entry in cluster.visible("out"):
        record = {k: v for k, v in json.loads(entry.value).items() if k not in PASSING}
        said.setdefault(entry.key.decode(), []).append((dict(entry.headers)["_id"], record))
    log = {entry.key: entry.value for _, _, entry in cluster.visible("changelog")}
    kept = {
        key: curve_of("log", key, tail, log.get(sealed_key(key)))
        for key in said
        if (tail := log[tail_key(key)]) is not None  # not forgotten
    }
    curves = {key: curve.epochs.tobytes() for key, curve in kept.items()}
    return said, curves, [entry.value for _, _, entry in cluster.visible("dead")]


@pytest.fixture(scope="module")
def quiet(world, tmp_path_factory):
    """What one worker publishes that nothing befalls, and the steps that it takes."""
    world.cluster = classify_cluster()
    run_to_end(world.cluster, tmp_path_factory.mktemp("quiet"), {"a": {0, 1}}, 4)
    return published(world.cluster), world.cluster.steps


def test_everything_is_annotated_once_and_noise_is_a_dead_letter(quiet):
    (said, curves, dead), _ = quiet
    assert dead == [b"noise"]
    assert set(curves) == {f"ztf:{star}" for star in STARS}
    ids = [key for records in said.values() for key, _ in records]
    assert len(set(ids)) == len(ids) > len(photometry()) - 3


@pytest.mark.parametrize("successor", ["the same", "another", "the same without its store"])
def test_a_crash_after_any_step_changes_nothing(world, quiet, tmp_path, successor):
    expected, steps = quiet
    for k in range(steps + 1):
        world.cluster = classify_cluster()
        world.cluster.crash_after = k
        with pytest.raises(Crash) if k < steps else nullcontext():
            run_to_end(world.cluster, tmp_path / str(k), {"a": {0, 1}}, 4)
        world.cluster.crash_after = None
        name, folder = "a", tmp_path / str(k)
        if successor == "another":
            name = "b"
            world.cluster.give_up("classify", "a")
        elif successor != "the same":
            folder = tmp_path / f"{k}-new"
        run_to_end(world.cluster, folder, {name: {0, 1}}, 4)
        assert published(world.cluster) == expected, f"after step {k}"


@given(batch_size=st.integers(1, 25), two=st.booleans())
def test_any_split_into_batches_and_workers_publishes_the_same(
    world, quiet, tmp_path_factory, batch_size, two
):
    folder = tmp_path_factory.mktemp("split")
    expected, _ = quiet
    world.cluster = classify_cluster()
    run_to_end(world.cluster, folder, {"a": {0}, "b": {1}} if two else {"a": {0, 1}}, batch_size)
    assert published(world.cluster) == expected


def test_a_worker_that_was_away_while_another_took_over_publishes_nothing_more(world, quiet, tmp_path):
    expected, _ = quiet
    world.cluster = cluster = classify_cluster()
    source, stage = classifier(tmp_path, "slow", 5)
    cluster.rebalance("classify", {"slow": {0, 1}})
    stage.step()  # its partitions are given to it
    while not source.serving:
        stage.step()
    packets = source.poll()
    cluster.expire("classify", "slow")  # it stands still, with a batch in its hands
    run_to_end(cluster, tmp_path, {"quick": {0, 1}}, 3)
    read = stage._processing.read(packets)
    batch = stage._processing.process(read)
    with pytest.raises(AbortedError, match="of a former generation"):
        stage._commit.finish(batch)
    assert published(cluster) == expected


def test_a_batch_that_a_new_generation_takes_back_comes_again(world, quiet, tmp_path):
    """The group settles anew, with the same shares, while every other batch is worked on."""
    expected, _ = quiet
    world.cluster = cluster = classify_cluster()
    source, stage = classifier(tmp_path, "a", 4)
    cluster.rebalance("classify", {"a": {0, 1}})
    process, calls = stage._processing.process, []

    def process_and_unsettle(read):
        calls.append(len(read))
        if len(calls) % 2:
            cluster.rebalance("classify", {"a": {0, 1}})
        return process(read)

    stage._processing.process = process_and_unsettle
    while not all(
        cluster.committed.get(("classify", "photometry", n)) == len(cluster.logs["photometry"][n])
        for n in range(PARTITIONS)
    ):
        stage.step()
    source.close()
    assert len(calls) > sum(map(len, cluster.logs["photometry"])) // 4
    assert published(cluster) == expected


@given(batch_size=st.integers(1, 25), forget_after_ms=st.integers(1, 6))
def test_any_split_forgets_the_same(world, quiet, tmp_path_factory, batch_size, forget_after_ms):
    """Time stamps of the double are a millisecond apart: stars come back after some of them."""
    told = []
    for split in (1, batch_size):
        world.cluster = classify_cluster()
        folder = tmp_path_factory.mktemp("forget")
        run_to_end(world.cluster, folder, {"a": {0, 1}}, split, forget_after_ms=forget_after_ms)
        said, *_ = published(world.cluster)
        told.append(said)
    assert told[0] == told[1]
    (everything, *_), _ = quiet
    assert forget_after_ms > 1 or told[0] != everything
