"""The transaction: messages and offsets that are committed together, or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from broker.alert import Partition
from broker.errors import AbortedError, ConfigError, FatalError
from broker.transport.kafka_client import Connection, make_admin
from broker.transport.kafka_producer import SIZE_CODES, TIME_CODES, Message, Stamps, make_producer
from broker.transport.topic_limits import topic_limits

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_CALL_S = 10.0  # of one call of librdkafka, which may be repeated
_INIT_S = 30.0  # the first transaction of a cluster's life makes it load its coordinators
_GRACE_S = 2.0  # for what is on its way when we are told to stop
_LOOK_UP_S = 0.5
_BATCH_BYTES = 1_000_000
_ROOM_FOR_TOPICS = 16 * 2**20  # a message may have; each topic has a limit of its own
_FENCED_CODES = (
    KafkaError._FENCED,  # noqa: SLF001 - a name of librdkafka
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.FENCED_INSTANCE_ID,
)
_REFUSED_CODES = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
)


class Overseer(Protocol):
    """What watches over a call that may never return."""

    def over(self, what: str, *, at_most_s: float) -> AbstractContextManager[None]:
        """Watch over one step."""


class Transactions:
    """A producer all of whose messages are in transactions.

    Parameters
    ----------
    transactional_id : str
        A lasting name: who takes it up again takes back what its predecessor left unfinished.
    timeout_s : float
        How long a transaction may be open before the cluster takes it back.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Mapping[str, Any],
        *,
        transactional_id: str,
        timeout_s: float,
        watchdog: Overseer,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._id = transactional_id
        self._timeout_s = timeout_s
        self._watchdog = watchdog
        self._stamps = Stamps()
        self._producer: Any = None
        self._began_at = 0.0
        self._aborting_since: float | None = None
        self._errors: list[tuple[Message, KafkaError]] = []
        self._last: dict[Partition, int] = {}

    def connect(self, topics: Sequence[str]) -> dict[str, int]:
        """Make the producer, wait for the topics, take up our name; numbers of partitions of the topics.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, or the cluster refuses us.
        FatalError
            If the cluster does not answer, or a topic is missing, for longer than our patience.
        """
        admin = make_admin(self._connection, self._settings)
        partitions = self._connection.wait_for_topics(admin, topics)
        limits = topic_limits(self._connection, self._settings, topics)
        self._producer = make_producer(
            self._connection,
            {
                "transactional.id": self._id,
                "transaction.timeout.ms": int(1000 * self._timeout_s),
                "message.max.bytes": _ROOM_FOR_TOPICS,
                "batch.size": min([_BATCH_BYTES, *limits.values()]),
                **self._settings,
                "message.timeout.ms": int(1000 * self._timeout_s),
            },
        )
        try:
            self._call("init_transactions", self._producer.init_transactions, _INIT_S)
        except BaseException:
            self.close()
            raise
        return partitions

    def close(self) -> None:
        """Let go of the cluster; a transaction that is open is taken back."""
        if self._producer is not None:
            self._producer.purge()
            self._connection.leave(self._producer.close)
            self._producer = None

    def commit(
        self, messages: Sequence[Message], offsets: Mapping[Partition, int], metadata: Any
    ) -> dict[Partition, int]:
        """Commit messages together with a group's offsets, in one transaction.

        Parameters
        ----------
        offsets : mapping of (topic, partition) to int
            Those to read next.
        metadata : object
            Of the group's member that read up to there, as it was when it did: a later one could be of a
            generation in which the partitions are another's.

        Returns
        -------
        dict of (topic, partition) to int
            The last offset that a message got in each partition.

        Raises
        ------
        AbortedError
            If nothing was committed, and the same may be tried again from the last commit on.
        ConfigError
            If another worker has taken our name, or the cluster refuses us.
        FatalError
            If this worker cannot go on.
        StoppedError
            If we are told to stop while the cluster is away.
        """
        places = [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        self._errors.clear()
        self._last.clear()
        self._began_at = time.monotonic()
        try:
            self._producer.begin_transaction()
            for message in messages:
                self._produce(message)
            self._flush()
            self._call(
                "send_offsets_to_transaction",
                self._producer.send_offsets_to_transaction,
                places,
                metadata,
                _CALL_S,
            )
            self._call("commit_transaction", self._producer.commit_transaction, _CALL_S)
        except KafkaException as exc:
            self._abort(exc.args[0])
        self._connection.answered()
        self._aborting_since = None
        return dict(self._last)

    def _produce(self, message: Message) -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    key=message.key,
                    partition=message.partition,
                    headers=list(message.headers),
                    timestamp=self._stamps.now_ms(),
                    on_delivery=partial(self._on_delivery, message),
                )
            except BufferError:
                self._producer.poll(0.1)
                self._connection.heed_stop(grace_s=_GRACE_S)
            except KafkaException as exc:
                self._errors.append((message, exc.args[0]))
                raise
            else:
                self._producer.poll(0)
                return

    def _flush(self) -> None:
        while self._producer.flush(_LOOK_UP_S):  # bounded: each message times out by itself
            self._connection.heed_stop(grace_s=_GRACE_S)
            self._connection.check(self._producer)

    def _on_delivery(self, message: Message, error: KafkaError | None, delivered: Any) -> None:
        if error is not None:
            self._errors.append((message, error))
        else:
            place = delivered.topic(), delivered.partition()
            self._last[place] = max(self._last.get(place, -1), delivered.offset())

    def _call(self, what: str, call: Callable[..., Result], *arguments: Any) -> Result:
        """Call librdkafka until it has done what it was asked for, or says that it cannot."""
        deadline = time.monotonic() + self._connection.patience_s
        while True:
            try:
                with self._watchdog.over(what, at_most_s=2 * _INIT_S):
                    return call(*arguments)
            except KafkaException as exc:
                error = exc.args[0]
                if not error.retriable() or error.fatal():
                    self._raise_if_hopeless(error)
                    raise
                self._connection.heed_stop()
                self._connection.check(self._producer)
                if time.monotonic() > deadline:
                    raise FatalError(
                        f"{self._connection.servers} did not {what} within "
                        f"{self._connection.patience_s:g} s: {error.str()}"
                    ) from exc

    def _abort(self, error: KafkaError) -> None:
        """Take back what was not committed, and say what is to be done next."""
        self._raise_if_hopeless(error)
        if not error.txn_requires_abort() and error.code() not in SIZE_CODES:
            raise FatalError(
                f"{self._connection.servers}: {error.str()}; the next start goes on where this ends"
            )
        try:
            self._call("abort_transaction", self._producer.abort_transaction, _CALL_S)
        except KafkaException as exc:
            raise FatalError(
                f"{self._connection.servers} did not take back a transaction: {exc.args[0].str()}"
            ) from exc
        for message, failed in self._errors:
            if failed.code() in SIZE_CODES:
                raise FatalError(
                    f"{message.topic} does not take a message of {message.size:,} bytes: raise "
                    f"max.message.bytes of the topic; nothing was lost, the next start tries it again"
                )
            if failed.code() in TIME_CODES:
                self._stamps.change()
        now = time.monotonic()
        self._aborting_since = self._aborting_since or now
        if now - self._aborting_since > self._connection.patience_s:
            away_s = now - self._aborting_since
            raise FatalError(f"no transaction has been committed for {away_s:.0f} s: {self._reason(error)}")
        raise AbortedError(self._reason(error))

    def _reason(self, error: KafkaError) -> str:
        failed = [f"{message.topic}: {e.str()}" for message, e in self._errors[:1]]
        return "; ".join([error.str(), *failed])

    def _raise_if_hopeless(self, error: KafkaError) -> None:
        codes = {error.code(), *(failed.code() for _, failed in self._errors)}
        if codes & {*_FENCED_CODES}:
            if KafkaError.FENCED_INSTANCE_ID not in codes and (
                time.monotonic() - self._began_at > self._timeout_s
            ):
                raise FatalError(
                    f"a transaction was open for longer than {self._timeout_s:g} s, and the cluster took it "
                    "back: this process or the cluster stood still; the next start goes on where this ends"
                )
            raise ConfigError(
                f"another worker has taken the name of this one, {self._id}: each worker needs a "
                "worker.instance of its own"
            )
        if codes & {*_REFUSED_CODES}:
            raise ConfigError(
                f"{self._connection.servers} does not let us write: {self._reason(error)}; "
                "docs/exactly-once.md lists what a worker must be allowed"
            )
