"""Chaos: worker and broker are killed at any moment, and what was published is held against a quiet run.

    python -m tests.kafka.chaos --alerts 25000 --kills 64 --broker-kills 6 --away 5 60

This is of workers that deliver at least once; `tests.chaos` is of those that do exactly once. The last lines
say how many of the quiet run's messages are missing or different; more than none is exit code 1. Repeats are
allowed: what was published before a kill and not stored comes again.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from broker.simulator.stream import alert_stream
from tests.kafka.real_broker import ROOT, RealBroker, partitions_of, until
from tests.kafka.worker_process import Stage, agree, command

SESSION = "kafka.settings.session.timeout.ms=1000"  # a killed worker's successor waits for it, and 3 s
ALERTS_PER_OBJECT = 80  # at least, of the simulated sky
UNREADABLE_EVERY = 100  # alerts: dead letters are to be complete as well
PASSING = ("ingest_time_us", "publish_time_us")

Messages = dict[Any, list[Any]]  # what was said, by what it is known by: more than once if it was repeated


@dataclass
class Comparison:
    """What was published, against what an quiet run publishes."""

    expected: int
    missing: list[Any] = field(default_factory=list)
    different: list[Any] = field(default_factory=list)
    unexpected: list[Any] = field(default_factory=list)
    repeated: int = 0

    @property
    def is_right(self) -> bool:
        return not (self.missing or self.different or self.unexpected)

    def __str__(self) -> str:
        return (
            f"{self.expected:,} expected, {len(self.missing):,} missing, {len(self.different):,} different, "
            f"{len(self.unexpected):,} unexpected, {self.repeated:,} repeated"
        )


def compare(published: Messages, quiet: Messages) -> Comparison:
    """Hold messages against those of a quiet run; one that was repeated must say the same each time."""
    return Comparison(
        expected=len(quiet),
        missing=sorted(quiet.keys() - published.keys()),
        different=[
            key
            for key, (expected, *_) in quiet.items()
            if not all(agree(said, expected) for said in published.get(key, ()))
        ],
        unexpected=sorted(published.keys() - quiet.keys()),
        repeated=sum(len(said) - 1 for said in published.values()),
    )


@dataclass(frozen=True)
class Outcome:
    """What became of a run in which things were killed."""

    alerts: int
    kills: int
    broker_kills: int
    annotations: Comparison
    dead_letters: Comparison

    @property
    def is_right(self) -> bool:
        return self.annotations.is_right and self.dead_letters.is_right

    def __str__(self) -> str:
        return (
            f"{self.kills} worker kills, {self.broker_kills} broker kills, {self.alerts:,} alerts\n"
            f"annotations: {self.annotations}\n"
            f"dead letters: {self.dead_letters}"
        )


class Chaos:
    """A worker on a real broker, and who kills them.

    Every step writes some more alerts and ends with one thing that befalls worker or broker.

    Parameters
    ----------
    folder : Path
        Where stores and logs go.
    seed : int
        Of what happens when; the processes' own timing is not repeated by it.
    """

    def __init__(self, broker: RealBroker, folder: Path, *, seed: int) -> None:
        self._broker = broker
        self._folder = folder
        self._random = random.Random(seed)
        name = uuid.uuid4().hex[:8]
        self._stage = self._new_stage(f"alerts-{name}", "disturbed")
        broker.create_topics(self._stage.alerts)
        self._worker: subprocess.Popen[bytes] | None = None
        self._log = folder / "worker.log"

    def run(self, alerts: int, *, kills: int, broker_kills: int, away_s: Sequence[float]) -> Outcome:
        """Stream so many alerts past so many kills, and compare."""
        befalls = ["worker"] * kills + ["broker"] * broker_kills + [f"{s:g}" for s in away_s]
        self._random.shuffle(befalls)
        payloads = _alerts(alerts)
        share = -(-alerts // max(len(befalls), 1))
        try:
            for number, what in enumerate(befalls, 1):
                self._feed(list(islice(payloads, share)))
                self._start()
                self._let_it_work()
                self._befall(what)
                print(f"{number}/{len(befalls)}: {what}, {self._n_published():,} published", flush=True)
            self._feed(list(payloads))
            self._finish()
        finally:
            if self._worker is not None:
                self._worker.kill()
                self._worker.wait()
        quiet = self._new_stage(self._stage.alerts, "quiet")
        done = subprocess.run(
            command(*quiet.run(SESSION)), capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode:
            raise RuntimeError(f"the quiet run failed: {done.stderr}")
        return Outcome(
            alerts,
            kills,
            broker_kills + len(away_s),
            compare(_annotations(self._stage), _annotations(quiet)),
            compare(_dead_letters(self._stage), _dead_letters(quiet)),
        )

    def _new_stage(self, alerts: str, what: str) -> Stage:
        folder = self._folder / what
        folder.mkdir()
        outputs = [f"{what}-{kind}-{alerts}" for kind in ("annotations", "dead-letters")]
        self._broker.create_topics(*outputs)
        return Stage(self._broker, folder, alerts, *outputs)

    def _feed(self, alerts: Sequence[tuple[str, bytes]]) -> None:
        if alerts:
            keys, payloads = zip(*alerts, strict=True)
            self._broker.produce(self._stage.alerts, payloads, keys=keys)

    def _start(self) -> None:
        """Start a worker if none runs; it must not have ended by itself."""
        if self._worker is None:
            batch_size = self._random.choice((1, 4, 16, 64))  # any split into batches publishes the same
            words = self._stage.run(SESSION, f"worker.batch_size={batch_size}", until_end=False)
            with self._log.open("ab") as log:
                self._worker = subprocess.Popen(command(*words), stderr=log, cwd=ROOT)
            self._started_with = self._n_published()

    def _let_it_work(self) -> None:
        """Wait a while of chance: for its first annotations mostly, for less than its start at times."""
        assert self._worker is not None
        if self._random.random() < 0.2:
            time.sleep(self._random.uniform(0.0, 6.0))
        else:
            until(lambda: self._ended() or self._n_published() > self._started_with)
            time.sleep(self._random.expovariate(2.0))
        if self._ended():
            raise RuntimeError(f"the worker ended by itself: {self._log.read_text()}")

    def _befall(self, what: str) -> None:
        if what == "worker":
            self._kill_worker()
            return
        self._broker.kill()
        if self._random.random() < 0.5:  # the worker has alerts in hand and nowhere to deliver
            time.sleep(self._random.uniform(0.0, 1.0))
            self._kill_worker()
        if what != "broker":
            time.sleep(float(what))
        self._broker.start()

    def _kill_worker(self) -> None:
        assert self._worker is not None
        self._worker.kill()
        self._worker.wait()
        self._worker = None

    def _finish(self) -> None:
        """Let everything be done: a worker that is there is asked to stop, another goes on to the end."""
        if self._worker is not None:
            self._worker.terminate()
            self._check(self._worker.wait())
            self._worker = None
        with self._log.open("ab") as log:
            done = subprocess.run(command(*self._stage.run(SESSION)), stderr=log, check=False, cwd=ROOT)
        self._check(done.returncode)

    def _check(self, code: int) -> None:
        if code:
            raise RuntimeError(f"the worker ended with exit code {code}: {self._log.read_text()}")

    def _ended(self) -> bool:
        return self._worker is not None and self._worker.poll() is not None

    def _n_published(self) -> int:
        """How many annotations there are, repeats included."""
        topic = self._stage.annotations
        with closing(Consumer({"bootstrap.servers": self._broker.plaintext, "group.id": "counter"})) as asked:
            places = [TopicPartition(topic, number) for number in partitions_of(asked, topic)]
            while True:
                try:
                    return sum(asked.get_watermark_offsets(place, timeout=2.0)[1] for place in places)
                except KafkaException:  # a broker that was just started
                    time.sleep(0.1)


def _alerts(n: int) -> Iterator[tuple[str, bytes]]:
    """Simulated alerts by object, some of them unreadable."""
    stream = islice(alert_stream(n_objects=max(4, n // ALERTS_PER_OBJECT), seed=3), n)
    for number, alert in enumerate(stream, 1):
        readable = number % UNREADABLE_EVERY
        yield alert.object_id, alert.payload if readable else b"unreadable %d" % number


def _annotations(stage: Stage) -> Messages:
    """Annotations by id, without the times at which they were made."""
    found: Messages = {}
    for message in stage.broker.read(stage.annotations):
        record = {name: v for name, v in json.loads(message.value()).items() if name not in PASSING}
        found.setdefault(dict(message.headers())["_id"], []).append(record)
    return found


def _dead_letters(stage: Stage) -> Messages:
    """Dead letters by where the packet stood."""
    found: Messages = {}
    for letter in stage.broker.read(stage.dead_letters):
        tags = dict(letter.headers())
        said = {"value": letter.value(), "reason": tags["reason"], "message": tags["message"]}
        found.setdefault((int(tags["partition"]), int(tags["offset"])), []).append(said)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run chaos on a broker of its own; 1 if anything is missing or different."""
    parser = argparse.ArgumentParser(prog="python -m tests.kafka.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=25_000, help="alerts to stream (%(default)s)")
    parser.add_argument("--kills", type=int, default=64, help="kills of the worker (%(default)s)")
    parser.add_argument("--broker-kills", type=int, default=6, help="kills of the broker (%(default)s)")
    parser.add_argument(
        "--away", type=float, nargs="*", default=[5.0, 60.0], metavar="S", help="times without a broker [s]"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what happens when (%(default)s)")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="varstream-chaos-") as name:
        broker = RealBroker(Path(name) / "kafka")
        try:
            broker.start()
            outcome = Chaos(broker, Path(name), seed=arguments.seed).run(
                arguments.alerts,
                kills=arguments.kills,
                broker_kills=arguments.broker_kills,
                away_s=arguments.away,
            )
        finally:
            broker.script("stop")
    print(outcome)
    return 0 if outcome.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
