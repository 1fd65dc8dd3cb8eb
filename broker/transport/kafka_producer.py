"""The Kafka producer, and the deliveries that it still owes."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from broker.alert import message_bytes
from broker.errors import FatalError
from broker.transport.kafka_client import Connection, make_client
from broker.transport.topic_limits import LIMIT, topic_limits

log = logging.getLogger(__name__)

SIZE_CODES = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)  # of a topic, of its segments
TIME_CODES = (  # of all of a batch, of some of it, and of the others in it, which are as they should be
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.INVALID_RECORD,
    KafkaError._INVALID_DIFFERENT_RECORD,  # noqa: SLF001 - a name of librdkafka
)
_LOOK_UP_S = 0.5  # how often it is looked whether the cluster is there, and whether we are told to stop
_PAUSE_S = 0.2  # before messages whose time was refused twice are sent again
_GRACE_S = 2.0  # for messages on their way when we are told to stop: a cluster that is there takes less
_NEAR_S = 60.0  # clocks that differ by less agree


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message on its way to a topic."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = -1  # any

    @property
    def size(self) -> int:
        """The most bytes that it takes, alone in its batch."""
        return message_bytes(self.value or b"", key=self.key or b"", headers=self.headers)


def make_producer(connection: Connection, settings: Mapping[str, Any]) -> Any:
    """Make a producer whose messages fail when they cannot be delivered within the connection's patience.

    Raises
    ------
    ConfigError
        If librdkafka does not accept a setting.
    """
    return make_client(
        Producer,
        connection,
        {
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 5,
            "message.timeout.ms": int(connection.patience_s * 1000),
            **settings,
        },
    )


class Deliveries:
    """Messages handed to a producer and followed until they have arrived.

    The cluster is not spoken to before `connect`. A broker refuses messages from the future. Where this
    machine's clock was set wrong meanwhile, they are sent again with the time that it would show otherwise.
    """

    def __init__(self, connection: Connection, settings: Mapping[str, Any]) -> None:
        self._connection = connection
        self._settings = settings
        self._failures: list[str] = []
        self._too_large: list[Message] = []
        self._mistimed: list[Message] = []
        self._refusal = ""
        self._stamps = Stamps()
        self._producer: Any = None

    def connect(self, topics: Sequence[str]) -> None:
        """Make the producer, and wait until the cluster answers and has all `topics`.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, or the cluster refuses us.
        FatalError
            If the cluster does not answer, or a topic is missing, for longer than the connection's patience.
        """
        self._producer = make_producer(self._connection, self._settings)
        try:
            self._connection.wait_for_topics(self._producer, topics)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the cluster and of messages that have not arrived; harmless without a connection."""
        if self._producer is not None:
            self._producer.purge()
            self._connection.leave(self._producer.close)
            self._producer = None

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Message:
        """Hand over one message, waiting while the producer's queue is full.

        Raises
        ------
        FatalError
            If the producer does not take it.
        """
        message = Message(topic, value, key, headers)
        self._produce(message)
        return message

    def wait(self) -> None:
        """Return when all messages have arrived.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        FatalError
            If one of them did not arrive within the connection's patience, or is larger than its topic takes.
        StoppedError
            If we are told to stop, and they do not arrive.
        """
        for message in self.settle():
            raise self.too_large(message)

    def settle(self) -> list[Message]:
        """Return when all messages have arrived, but for those that are larger than their topic takes.

        A broker refuses a whole batch for its size: what was in one is sent again, each message alone.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        FatalError
            If one of them did not arrive within the connection's patience.
        """
        together = self._arrive()
        if len(together) < 2:
            return together
        log.warning(
            "messages are larger than a topic takes: trying each alone",
            extra={"n": len(together), "topic": together[0].topic},
        )
        too_large = []
        for message in together:
            self._produce(message)
            too_large += self._arrive()
        return too_large

    def too_large(self, message: Message) -> FatalError:
        """Return the error for a message that its topic does not take, with what the topic says it takes."""
        limit = self.limit_of(message.topic)
        takes = f"takes messages of {limit:,} bytes at most" if limit else "does not take messages so large"
        return FatalError(
            f"{message.topic} {takes}, and one has {message.size:,} before compression: raise {LIMIT} of "
            "the topic, or message.max.bytes in the settings of librdkafka if that is lower"
        )

    def limit_of(self, topic: str) -> int | None:
        """Ask the cluster how large a message of a topic may be; None where it does not tell."""
        return topic_limits(self._connection, self._settings, [topic]).get(topic)

    def _produce(self, message: Message) -> None:
        """Hand a message to the producer, with the time of now."""
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    key=message.key,
                    headers=list(message.headers),
                    timestamp=self._stamps.now_ms(),
                    on_delivery=partial(self._on_delivery, message),
                )
            except BufferError:
                self._producer.poll(0.1)
                self._connection.heed_stop(grace_s=_GRACE_S)
            except KafkaException as exc:
                if exc.args[0].code() in SIZE_CODES:
                    self._too_large.append(message)
                    return
                raise FatalError(
                    f"cannot write {message.size:,} bytes to {message.topic}: {exc.args[0].str()}"
                ) from exc
            else:
                self._producer.poll(0)
                return

    def _arrive(self) -> list[Message]:
        """Wait until everything has arrived but what was refused for its size, and return that."""
        deadline = time.monotonic() + self._connection.patience_s
        for attempt in itertools.count():
            while self._producer.flush(_LOOK_UP_S):  # bounded: each message times out by itself
                self._connection.heed_stop(grace_s=_GRACE_S)
                self._connection.check(self._producer)
            if self._failures:
                raise FatalError(f"{len(self._failures):,} messages were not delivered: {self._failures[0]}")
            if not self._mistimed:
                break
            self._send_again(attempt, deadline)
        self._connection.answered()
        refused, self._too_large = self._too_large, []
        return refused

    def _send_again(self, attempt: int, deadline: float) -> None:
        """Send what was refused for its time once more, with the clock's time and another in turn."""
        clock = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if time.monotonic() > deadline:
            raise FatalError(
                f"{len(self._mistimed):,} messages were refused, perhaps for their time: {self._refusal}. "
                f"This machine's clock says {clock}: set it right, or the topic's message.timestamp.type "
                "to LogAppendTime, or its cleanup.policy to delete if it is compact"
            )
        if attempt == 0:
            log.warning(
                "messages refused, perhaps for their time: sending them again",
                extra={"reason": self._refusal, "messages": len(self._mistimed), "clock": clock},
            )
        else:
            time.sleep(_PAUSE_S)
            self._connection.heed_stop(grace_s=_GRACE_S)
        self._stamps.change()
        refused, self._mistimed = self._mistimed, []
        for message in refused:
            self._produce(message)

    def _on_delivery(self, message: Message, error: KafkaError | None, _: object) -> None:
        if error is None:
            return
        if error.code() in SIZE_CODES:
            self._too_large.append(message)
        elif error.code() in TIME_CODES:
            self._mistimed.append(message)
            self._refusal = f"{message.topic}: {error.str()}"
        else:
            self._failures.append(f"{message.topic}: {error.str()}")


class Stamps:
    """The time that messages carry: the wall clock's, or else what it would show had nobody set it."""

    def __init__(self) -> None:
        self._wall_less_steady_s = time.time() - time.monotonic()
        self._by_wall_clock = True

    def now_ms(self) -> int:
        """Return the time [Unix ms]."""
        wall_s, steady_s = time.time(), self._wall_less_steady_s + time.monotonic()
        if abs(wall_s - steady_s) < _NEAR_S:  # set right again
            self._by_wall_clock = True
        return int(1000 * (wall_s if self._by_wall_clock else steady_s))

    def change(self) -> None:
        """Take the other one from now on: the time was refused."""
        self._by_wall_clock = not self._by_wall_clock
