"""The connection to a Kafka cluster: whether it is there, lets us in and has our topics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from broker.errors import ConfigError, FatalError, StoppedError
from broker.redaction import secret_values, without_values
from broker.settings.librdkafka import heartbeat_ms, session_ms

log = logging.getLogger(__name__)

_REFUSAL_CODES = (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._SSL)
_OUTAGE_CODES = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE)

_MEANINGS = {
    KafkaError._MAX_POLL_EXCEEDED: "a batch took longer than max.poll.interval.ms, so the group took the "
    "partitions back; they are asked for again, to go on behind it. Should it come again: lower "
    "worker.batch_size",
}

ANSWER_S = 2.0
"""Time to wait for one answer of a cluster [s]."""

_CLOSE_S = 2.0  # to leave a cluster; one that is there takes a moment
_PAUSE_S = 0.2  # before a cluster is asked again
_QUIET_S = 60.0  # an error that comes again and again is told so often


class Connection:
    """What librdkafka says about a cluster outside of any call, and how long we bear with it.

    A wrong password shows in the calls only as a transport failure; its reason comes through ``error_cb``.

    Parameters
    ----------
    stop : Event, optional
        Ends every wait for the cluster once it is set.
    """

    def __init__(self, servers: str, *, patience_s: float, stop: Event | None = None) -> None:
        self.servers = servers
        self.patience_s = patience_s
        self._stop = Event() if stop is None else stop
        self._stopped_since: float | None = None
        self.secrets: Sequence[str] = ()  # which librdkafka's words may repeat, and ours may not
        self._refusal: str | None = None
        self._trouble = "no answer"
        self._down_since: float | None = None
        self._fatal: str | None = None
        self._told_at: dict[tuple[int, str], float] = {}

    def on_error(self, error: KafkaError, where: str = "") -> None:
        """Take note of an error; to be given to librdkafka as ``error_cb``."""
        if error.fatal():
            self._fatal = without_values(error.str(), self.secrets)
        elif error.code() in _REFUSAL_CODES:
            self._refusal = without_values(error.str(), self.secrets)
        elif error.code() in _OUTAGE_CODES:
            if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which says that, not why
                self._trouble = error.str()
            self._down_since = self._down_since or time.monotonic()
        else:
            self._tell(error, where)

    def answered(self) -> None:
        """Note that the cluster answers."""
        self._down_since = None

    def heed_stop(self, *, grace_s: float = 0.0) -> None:
        """To be called while the cluster is waited for.

        Parameters
        ----------
        grace_s : float
            How long what is on its way to a cluster that is there may still take [s].

        Raises
        ------
        StoppedError
            If we are told to stop.
        """
        if not self._stop.is_set():
            return
        if self._stopped_since is None:
            self._stopped_since = time.monotonic()
        if self._down_since is not None or time.monotonic() - self._stopped_since >= grace_s:
            raise StoppedError(f"stopped while waiting for {self.servers}")

    def leave(self, close: Callable[[], None]) -> None:
        """Close a client in order, but not wait for a cluster that is away: librdkafka itself has no bound.

        Parameters
        ----------
        close : callable
            May be left running, in a thread that the process does not wait for.
        """
        closing = Thread(target=close, daemon=True, name="closing")
        closing.start()
        closing.join(_CLOSE_S)
        if closing.is_alive():
            log.warning("left without a word: the cluster does not answer", extra={"servers": self.servers})

    def check(self, client: Any) -> None:
        """Find out whether the cluster is back if it was lost.

        Raises
        ------
        ConfigError
            If the cluster refused us.
        FatalError
            If it has been away for longer than our patience, or the client cannot go on.
        """
        if self._refusal is not None:
            raise ConfigError(f"{self.servers} refused the connection: {self._refusal}; check kafka.settings")
        if self._fatal is not None:
            raise FatalError(f"{self.servers}: {self._fatal}")
        if self._down_since is None:
            return
        try:
            client.list_topics(timeout=1.0)
        except KafkaException:
            away_s = time.monotonic() - self._down_since
            if away_s > self.patience_s:
                raise FatalError(
                    f"{self.servers} has been unreachable for {away_s:.0f} s: {self._trouble}"
                ) from None
        else:
            self.answered()

    def ask(self, question: Callable[[float], Any]) -> Any:
        """Put a question to the cluster, again and again while our patience lasts.

        Each time is short, for nothing else is heard meanwhile, not even a signal to stop.

        Parameters
        ----------
        question : callable
            Takes the time to wait for the answer [s].

        Raises
        ------
        KafkaException
            The last one, when our patience is at its end.
        StoppedError
            If we are told to stop.
        """
        deadline = time.monotonic() + self.patience_s
        while True:
            self.heed_stop()
            try:
                return question(ANSWER_S)
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)

    def wait_for_topics(self, client: Any, topics: Sequence[str]) -> dict[str, int]:
        """Wait until the cluster answers and has all `topics`; their numbers of partitions.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        FatalError
            If it does not answer, or a topic is missing, for longer than our patience.
        """
        deadline = time.monotonic() + self.patience_s
        while True:
            problem = None
            try:
                found = client.list_topics(timeout=ANSWER_S).topics
                self.answered()
                partitions = {
                    t: len(found[t].partitions) for t in topics if t in found and not found[t].error
                }
                missing = [t for t in topics if not partitions.get(t)]
                if not missing:
                    return partitions
                for topic in missing:  # asked for by name, a cluster that makes topics on demand makes it
                    client.list_topics(topic, timeout=ANSWER_S)
                problem = (
                    f"{self.servers} has no topic {', '.join(missing)}: create it or correct the settings"
                )
            except KafkaException as exc:
                log.debug("no answer yet", extra={"servers": self.servers, "error": str(exc)})
            client.poll(0.1)  # delivers on_error
            if self._refusal is not None:
                raise ConfigError(
                    f"{self.servers} refused the connection: {self._refusal}; check kafka.settings"
                )
            if time.monotonic() > deadline:
                problem = problem or f"{self.servers} is unreachable: {self._trouble}"
                raise FatalError(f"{problem} (tried for {self.patience_s:g} s)")
            time.sleep(_PAUSE_S)

    def _tell(self, error: KafkaError, where: str) -> None:
        """Log an error that nothing else is done about, once in a while."""
        last = self._told_at.get((error.code(), where))
        if last is None or time.monotonic() - last > _QUIET_S:
            self._told_at[error.code(), where] = time.monotonic()
            meaning = _MEANINGS.get(error.code(), without_values(error.str(), self.secrets))
            said = {"error": error.name(), "meaning": meaning}
            log.warning("trouble with Kafka", extra={"where": where or self.servers, **said})


def make_consumer(connection: Connection, settings: Mapping[str, Any]) -> Any:
    """Make a consumer that commits only what it is told to.

    Raises
    ------
    ConfigError
        If librdkafka does not accept a setting.
    """
    return make_client(
        Consumer,
        connection,
        {
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",  # where a partition begins and goes on is for us to say
            "session.timeout.ms": session_ms(settings),  # a killed worker's successor waits for it
            "heartbeat.interval.ms": heartbeat_ms(settings),
            "allow.auto.create.topics": False,
            "topic.metadata.refresh.interval.ms": 10_000,
            "fetch.wait.max.ms": 50,
            "fetch.message.max.bytes": 8 * 2**20,
            "queued.max.messages.kbytes": 131_072,
            **settings,
        },
    )


def make_admin(connection: Connection, settings: Mapping[str, Any]) -> Any:
    """Make a client that asks the cluster about groups and topics.

    Raises
    ------
    ConfigError
        If librdkafka does not accept a setting.
    """
    return make_client(AdminClient, connection, dict(settings))


def make_client(
    kind: Callable[[dict[str, Any]], Any], connection: Connection, settings: dict[str, Any]
) -> Any:
    """Make a consumer or producer.

    Raises
    ------
    ConfigError
        If librdkafka does not accept a setting.
    """
    connection.secrets = secret_values(settings)
    try:
        return kind(
            {
                "bootstrap.servers": connection.servers,
                "client.id": "varstream",
                "log_level": 2,  # what matters comes through on_error, once
                "reconnect.backoff.max.ms": 1000,
                "error_cb": connection.on_error,
                **settings,
            }
        )
    except (KafkaException, TypeError, ValueError) as exc:
        reason = exc.args[0].str() if isinstance(exc, KafkaException) else str(exc)
        hidden = [value for name, value in settings.items() if not name.endswith(".location")]
        raise ConfigError(f"kafka.settings: {without_values(reason, hidden)}") from None


def leave_group(consumer: Any) -> None:
    """Close a consumer.

    librdkafka 2.16 may never return from a close while the group waits for partitions to be given back (join
    state wait-unassign-call): whatever was asked of us is answered first.
    """
    consumer.unsubscribe()
    while consumer.consume(100, 0.0):
        pass
    consumer.close()
