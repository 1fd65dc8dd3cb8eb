"""Exactly once, under chaos: workers and the broker are killed and paused while alerts come; all is counted.

    python -m tests.chaos --alerts 200000 --workers 3 --worker-kills 200 --broker-kills 20

It starts a broker of its own and touches no other. The last line is the proof as JSON; the exit code is 1
where one of its numbers is not zero that must be.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from tqdm import tqdm

from tests.chaos.alerts import rough_alerts
from tests.chaos.proof import prove
from tests.chaos.workers import SESSION_S, Field, Worker
from tests.kafka.real_broker import RealBroker, partitions_of, until

PARTITIONS = 8
SURVEY_PARTITIONS = 6
PAUSES_PER_KILL = 0.3
BUSY = 0.8  # of the workers that are killed have partitions, others are at their start
LONGEST_PAUSE_S = 3 * SESSION_S


class Chaos:
    """Workers on a broker, what befalls them, and what came of it.

    Parameters
    ----------
    seed : int
        Of the alerts, and of what happens when; the processes' own timing is not repeated by it.
    """

    def __init__(self, field: Field, *, workers: int, seed: int) -> None:
        self._field = field
        self._seed = seed
        self._random = random.Random(seed)
        self._workers = [Worker(field, f"w{number}") for number in range(workers)]
        today = datetime.now(UTC)
        self._topics = [f"alerts-{today - timedelta(days=d):%Y%m%d}" for d in (1, 0)]
        self._restarts: list[tuple[float, set[int]]] = []

    def run(self, alerts: int, *, worker_kills: int, broker_kills: int) -> dict[str, Any]:
        """Stream so many alerts past so many kills, and prove what came of it."""
        began = time.monotonic()
        befalls = ["worker"] * worker_kills + ["broker"] * broker_kills
        befalls += ["pause"] * round(PAUSES_PER_KILL * worker_kills)
        self._random.shuffle(befalls)
        stream = rough_alerts(alerts, seed=self._seed)
        share = -(-alerts // (len(befalls) + 1))
        self._field.broker.create_topics(self._topics[0], partitions=SURVEY_PARTITIONS)
        self._field.varstream("topics", "create")
        try:
            for worker in self._workers:
                worker.batch_size = self._random.choice((1, 8, 64, 512))
                worker.start()
            for number, what in enumerate(tqdm(befalls, desc="befalls", unit="", file=sys.stderr), 1):
                if number == (len(befalls) + 1) // 2:  # a new night
                    self._field.broker.create_topics(self._topics[1], partitions=SURVEY_PARTITIONS)
                self._feed(list(islice(stream, share)), 2 * number > len(befalls))
                time.sleep(self._random.expovariate(1.0))
                self._befall(what)
            self._feed(list(stream), bool(befalls))
            self._drain()
        finally:
            for worker in self._workers:
                worker.close()
        topics = [topic for topic in self._topics if self._exists(topic)]
        proof = prove(self._field.broker, topics, partitions=PARTITIONS)
        served = [took for took in map(self._served_after, self._restarts) if took is not None]
        return {
            **asdict(proof),
            "worker_kills": worker_kills,
            "broker_kills": broker_kills,
            "seconds": round(time.monotonic() - began, 1),
            "restart_s": {
                "median": round(statistics.median(served), 2) if served else None,
                "worst": round(max(served), 2) if served else None,
            },
            "ended_by_themselves": {
                str(code): n for worker in self._workers for code, n in _counted(worker.codes).items()
            },
        }

    def _feed(self, alerts: Sequence[tuple[str, bytes]], second_night: bool) -> None:
        """Write alerts as surveys do, to any partition of a night's topic."""
        night = self._topics[1] if second_night and self._exists(self._topics[1]) else self._topics[0]
        producer = Producer({"bootstrap.servers": self._field.broker.plaintext, "enable.idempotence": True})
        for _, payload in alerts:
            producer.produce(night, payload, partition=self._random.randrange(SURVEY_PARTITIONS))
            producer.poll(0)
        until(lambda: producer.flush(1.0) == 0)

    def _befall(self, what: str) -> None:
        worker = self._random.choice(self._workers)
        if what == "worker":
            worker.start()
            if self._random.random() < BUSY:
                until(lambda: bool(worker.serving) or worker.ended)
                time.sleep(self._random.expovariate(1.0))
            self._restarts.append((time.monotonic(), worker.kill()))
            if self._random.random() < 0.3:  # longer than its session: others take over
                time.sleep(self._random.uniform(0.0, 2 * SESSION_S))
            worker.batch_size = self._random.choice((1, 8, 64, 512))
        elif what == "pause":
            pause = self._random.uniform(1.0, LONGEST_PAUSE_S)
            threading.Thread(target=worker.pause, args=(pause,), daemon=True).start()
        else:
            self._field.broker.kill()
            time.sleep(self._random.uniform(0.0, 3.0))
            self._field.broker.start()
        for each in self._workers:
            each.start()

    def _drain(self) -> None:
        """Wait until all that was fed has gone through both stages."""

        def done() -> bool:
            for worker in self._workers:
                worker.start()
            try:
                return self._positions() == self._ends(self._topics) and self._is_classified()
            except KafkaException:  # a broker that was just started
                return False

        until(done)

    def _positions(self) -> dict[tuple[str, int], int]:
        found: dict[tuple[str, int], int] = {}
        for message in sorted(
            self._field.broker.read("positions"), key=lambda m: (m.partition(), m.offset())
        ):
            _, topic, number = json.loads(message.key())
            found[topic, number] = json.loads(message.value())["offset"]
        return found

    def _ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Offsets behind the last messages, of partitions that have any."""
        consumer = self._consumer("ends")
        try:
            places = [
                TopicPartition(topic, number)
                for topic in topics
                if self._exists(topic)
                for number in partitions_of(consumer, topic)
            ]
            ends = {(p.topic, p.partition): consumer.get_watermark_offsets(p, timeout=5.0)[1] for p in places}
            return {place: end for place, end in ends.items() if end}
        finally:
            consumer.close()

    def _is_classified(self) -> bool:
        last: dict[int, int] = {}
        for message in self._field.broker.read("photometry"):
            last[message.partition()] = max(last.get(message.partition(), -1), message.offset())
        consumer = self._consumer("chaos-classify")
        try:
            told = consumer.committed([TopicPartition("photometry", n) for n in last], timeout=5.0)
            return all(place.offset == last[place.partition] + 1 for place in told)
        finally:
            consumer.close()

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._field.broker.plaintext,
                "group.id": group,
                "enable.auto.commit": False,
            }
        )

    def _exists(self, topic: str) -> bool:
        consumer = self._consumer("ends")
        try:
            return topic in consumer.list_topics(timeout=5.0).topics
        finally:
            consumer.close()

    def _served_after(self, killed: tuple[float, set[int]]) -> float | None:
        """How long after a kill the last of its partitions was served again; None where it had none."""
        at, partitions = killed
        again = []
        for partition in partitions:
            later = [t for w in self._workers for t, number in w.served_at if number == partition and t > at]
            if later:
                again.append(min(later) - at)
        return max(again) if again else None


def _counted(codes: Sequence[int]) -> dict[int, int]:
    """Exit codes of workers that were not killed by us."""
    ours = [code for code in codes if code >= 0]
    return {code: ours.count(code) for code in sorted(set(ours))}


def main(argv: Sequence[str] | None = None) -> int:
    """Run chaos on a broker of its own; 1 if anything is missing, doubled or different."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=10_000, help="alerts to stream (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="workers that share them (%(default)s)")
    parser.add_argument("--worker-kills", type=int, default=10, help="kills -9 of workers (%(default)s)")
    parser.add_argument("--broker-kills", type=int, default=1, help="kills -9 of the broker (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of alerts and of what happens (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the proof here, too")
    parser.add_argument("--folder", type=Path, help="keep data and the workers' logs in this new folder")
    arguments = parser.parse_args(argv)
    with ExitStack() as kept:
        if arguments.folder is None:
            folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="varstream-chaos-")))
        else:
            folder = arguments.folder.resolve()
            folder.mkdir(parents=True)
        field = Field(RealBroker(folder / "kafka"), folder, PARTITIONS)
        try:
            field.broker.start()
            proof = Chaos(field, workers=arguments.workers, seed=arguments.seed).run(
                arguments.alerts,
                worker_kills=arguments.worker_kills,
                broker_kills=arguments.broker_kills,
            )
        finally:
            field.broker.script("stop")
    told = json.dumps(proof)
    if arguments.json is not None:
        arguments.json.write_text(told + "\n")
    print(told)
    must_be_zero = (
        "missing",
        "doubled",
        "different",
        "dead_missing",
        "light_curves_different",
        "out_of_order",
    )
    return 1 if any(proof[name] for name in must_be_zero) else 0


if __name__ == "__main__":
    sys.exit(main())
