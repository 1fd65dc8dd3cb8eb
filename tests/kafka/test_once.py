"""Exactly once against a real broker: what workers share, what they survive, what they refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]

from tests.broker.streams import PATIENCE_S, simulated
from tests.kafka.once import OnceStage
from tests.kafka.real_broker import RealBroker, until
from tests.kafka.worker_process import Annotations, classified, differences, running, said, varstream

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

EARLY, LATE = slice(None, -50), slice(-50, None)
SLOWLY = "worker.batch_size=4"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Annotations:
    """What the simulated alerts are annotated with, as files."""
    return classified(tmp_path_factory.mktemp("expected"), [alert.payload for alert in simulated()])


@pytest.fixture
def once(broker: RealBroker, new_topic: Callable[..., str], tmp_path: Path) -> OnceStage:
    """A survey's topic, and our topics, which are made."""
    alerts = new_topic("alerts", partitions=3)
    stage = OnceStage(broker, tmp_path, alerts.replace("alerts", "once"), alerts)
    stage.make_topics()
    return stage


def stream_to(stage: OnceStage, part: slice = slice(None)) -> None:
    """Write simulated alerts to the topic; those of one object stay in order."""
    alerts = simulated()[part]
    stage.broker.produce(
        stage.alerts, [alert.payload for alert in alerts], keys=[alert.object_id for alert in alerts]
    )


def assert_annotated_once(stage: OnceStage, expected: Annotations) -> None:
    annotations, n = stage.published()
    assert not differences(annotations, expected)
    assert n == len(expected)


def test_the_stream_is_annotated_once_and_as_its_packets_are_in_files(
    once: OnceStage, expected: Annotations
) -> None:
    stream_to(once)
    once.broker.produce(once.alerts, [b"unreadable"])
    done = varstream(*once.run())
    assert done.returncode == 0, done.stderr
    assert_annotated_once(once, expected)
    (letter,) = once.dead_letters()
    assert (letter["topic"], letter["reason"]) == (once.alerts, "bad_magic")
    again = varstream(*once.run())
    assert again.returncode == 0, again.stderr
    assert_annotated_once(once, expected)


def test_two_workers_share_the_partitions_and_one_takes_over_from_one_that_is_killed(
    once: OnceStage, expected: Annotations
) -> None:
    with (
        running(*once.run(SLOWLY, until_end=False)) as first,
        running(*once.run(SLOWLY, "worker.instance=two", until_end=False)) as second,
    ):
        stream_to(once, EARLY)
        until(lambda: once.published()[1] > 20)
        first.kill()
        stream_to(once, LATE)
        until(lambda: second.poll() is not None or once.published()[1] >= len(expected))
        assert second.poll() is None, said(second)
        second.terminate()
        assert second.wait() == 0
    assert_annotated_once(once, expected)


@pytest.mark.long
@pytest.mark.parametrize("stages", [("ingest", "classify")])
def test_the_stages_may_be_processes_of_their_own(
    once: OnceStage, expected: Annotations, stages: tuple[str, ...]
) -> None:
    stream_to(once)
    for stage in stages:
        done = varstream(*once.run(f"worker.stage={stage}"))
        assert done.returncode == 0, done.stderr
    assert_annotated_once(once, expected)


def test_a_worker_that_lost_its_stores_fills_them_from_the_changelog(
    once: OnceStage, expected: Annotations
) -> None:
    stream_to(once, EARLY)
    assert varstream(*once.run()).returncode == 0
    shutil.rmtree(once.folder / "state")
    stream_to(once, LATE)
    done = varstream(*once.run())
    assert done.returncode == 0, done.stderr
    assert_annotated_once(once, expected)


@pytest.mark.long
def test_stores_that_were_damaged_or_are_of_another_machine_are_filled_anew(
    once: OnceStage, expected: Annotations
) -> None:
    stream_to(once, EARLY)
    assert varstream(*once.run()).returncode == 0
    stores = sorted((once.folder / "state" / "one").glob("*.sqlite"))
    assert len(stores) == once.partitions
    stores[0].write_bytes(stores[0].read_bytes()[:1000])
    shutil.copy(stores[1], stores[2])  # another partition's
    stream_to(once, LATE)
    done = varstream(*once.run())
    assert done.returncode == 0, done.stderr
    assert "the store is damaged, and filled anew" in done.stderr
    assert_annotated_once(once, expected)


def test_two_workers_of_one_name_do_not_work_side_by_side(once: OnceStage, expected: Annotations) -> None:
    with running(*once.run(until_end=False)) as first:
        stream_to(once, EARLY)
        until(lambda: once.published()[1] > 20)
        same_machine = varstream(*once.run())
        assert same_machine.returncode == 2
        assert "each worker needs a worker.instance of its own" in same_machine.stderr
        with running(*once.run(f"state.path={once.folder / 'other'}", until_end=False)) as second:
            stream_to(once, LATE)
            until(lambda: first.poll() is not None)
            assert first.wait() == 2, said(first)
            assert "worker.instance" in said(first)
            until(lambda: second.poll() is not None or once.published()[1] >= len(expected))
            assert second.poll() is None, said(second)
    assert_annotated_once(once, expected)


def test_topics_that_are_missing_or_would_lose_light_curves_are_refused(
    broker: RealBroker, new_topic: Callable[..., str], tmp_path: Path
) -> None:
    alerts = new_topic("alerts")
    stage = OnceStage(broker, tmp_path, alerts.replace("alerts", "once"), alerts)
    refused = varstream(*stage.run())
    assert refused.returncode == 2
    assert f"{stage.topic('changelog')} is missing: `varstream topics create` makes it" in refused.stderr
    stage.make_topics()
    broker.set(stage.topic("changelog"), "cleanup.policy", "delete")
    refused = varstream(*stage.run())
    assert refused.returncode == 2
    assert f"{stage.topic('changelog')} has cleanup.policy = delete" in refused.stderr
    checked = varstream("topics", "check", "--config", stage.settings)
    assert checked.returncode == 1
    assert "should have compact" in checked.stderr + checked.stdout


@pytest.mark.long
def test_a_changed_number_of_partitions_is_refused(once: OnceStage) -> None:
    stream_to(once, EARLY)
    assert varstream(*once.run()).returncode == 0
    admin = AdminClient({"bootstrap.servers": once.broker.plaintext, "log_level": 3})
    grown = [NewPartitions(once.topic(which), 8) for which in ("photometry", "changelog", "positions")]
    for done in admin.create_partitions(grown).values():
        done.result()
    refused = varstream(*once.run())
    assert refused.returncode == 1
    assert "were kept for a topic of 4 partitions" in refused.stderr
    assert "this one has 8" in refused.stderr


@pytest.mark.long
def test_offsets_that_somebody_moved_stop_the_worker(once: OnceStage, expected: Annotations) -> None:
    stream_to(once)
    assert varstream(*once.run()).returncode == 0
    place = TopicPartition(once.topic("photometry"), 0)
    consumer = Consumer(
        {
            "bootstrap.servers": once.broker.plaintext,
            "group.id": f"{once.name}-classify",
            "enable.auto.commit": False,
        }
    )
    moved_from: list[int] = []

    def move(offset: int | None) -> bool:
        (told,) = consumer.committed([place], timeout=10.0)
        moved_from.append(told.offset)
        consumer.commit(
            offsets=[TopicPartition(place.topic, 0, told.offset - 1 if offset is None else offset)],
            asynchronous=False,
        )
        return True

    until(lambda: _quietly(lambda: move(None)))  # once the session of the worker is over
    refused = varstream(*once.run())
    assert refused.returncode == 1
    assert "somebody moved its offsets" in refused.stderr
    until(lambda: _quietly(lambda: move(moved_from[-1])))
    consumer.close()
    assert varstream(*once.run()).returncode == 0
    assert_annotated_once(once, expected)


@pytest.mark.long
def test_where_the_group_was_forgotten_the_light_curves_know_where_it_was(
    once: OnceStage, expected: Annotations
) -> None:
    """A cluster forgets the offsets of a group that was away for a week."""
    stream_to(once, EARLY)
    assert varstream(*once.run()).returncode == 0
    admin = AdminClient({"bootstrap.servers": once.broker.plaintext, "log_level": 3})
    group = f"{once.name}-classify"
    until(lambda: _quietly(lambda: admin.delete_consumer_groups([group])[group].result() is None))
    stream_to(once, LATE)
    done = varstream(*once.run())
    assert done.returncode == 0, done.stderr
    assert_annotated_once(once, expected)


@pytest.mark.long
def test_a_changelog_that_was_deleted_is_not_begun_anew_in_silence(once: OnceStage) -> None:
    stream_to(once, EARLY)
    assert varstream(*once.run()).returncode == 0
    admin = AdminClient({"bootstrap.servers": once.broker.plaintext, "log_level": 3})
    changelog = once.topic("changelog")
    admin.delete_topics([changelog])[changelog].result()
    until(lambda: changelog not in admin.list_topics(timeout=10.0).topics)
    once.make_topics()
    refused = varstream(*once.run())
    assert refused.returncode == 1
    assert "the changelog has nothing of it: was it deleted?" in refused.stderr


@pytest.mark.long
def test_what_was_taken_back_is_never_annotated(once: OnceStage, expected: Annotations) -> None:
    """Photometry of a transaction that was aborted is as if it had never been written."""
    stream_to(once)
    assert varstream(*once.run("worker.stage=ingest")).returncode == 0
    producer = Producer(
        {"bootstrap.servers": once.broker.plaintext, "transactional.id": f"{once.name}-strange"}
    )
    producer.init_transactions(30.0)
    producer.begin_transaction()
    for number in range(once.partitions):
        producer.produce(once.topic("photometry"), b"taken back", partition=number)
    producer.flush()
    producer.abort_transaction(30.0)
    done = varstream(*once.run())
    assert done.returncode == 0, done.stderr
    assert_annotated_once(once, expected)
    assert once.dead_letters() == []


@pytest.fixture
def another_broker(broker: RealBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBroker]:
    """A second cluster."""
    other = RealBroker(tmp_path_factory.mktemp("another"))
    run = other.script("start", "--wait", f"{PATIENCE_S:g}")
    assert run.returncode == 0, run.stderr
    yield other
    other.script("stop")


@pytest.mark.long
def test_a_survey_s_cluster_behind_which_is_our_own(
    another_broker: RealBroker,
    broker: RealBroker,
    new_topic: Callable[..., str],
    tmp_path: Path,
    expected: Annotations,
) -> None:
    alerts = new_topic("alerts", partitions=3)
    stage = OnceStage(broker, tmp_path, alerts.replace("alerts", "once"), alerts, ours=another_broker)
    stage.make_topics()
    with running(*stage.run(SLOWLY, until_end=False)) as first:
        stream_to(stage, EARLY)
        until(lambda: stage.published()[1] > 20)
        first.kill()
        broker.kill()
        with running(*stage.run(SLOWLY, "worker.instance=two", until_end=False)) as second:
            broker.start()
            stream_to(stage, LATE)
            until(lambda: second.poll() is not None or stage.published()[1] >= len(expected))
            assert second.poll() is None, said(second)
    assert_annotated_once(stage, expected)
    (positions, *_) = another_broker.read(stage.topic("positions"))
    assert json.loads(positions.key())[1] == alerts


def _quietly(attempt: Callable[[], bool]) -> bool:
    """Try something that a broker refuses while a member's session lasts."""
    try:
        return attempt()
    except Exception:  # noqa: BLE001 - whatever the broker says, it is tried again
        return False
