"""The identity of topics: offsets in a store are of one topic, not of whatever has its name later."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from broker.errors import FatalError
from broker.transport.kafka_client import ANSWER_S, Connection

log = logging.getLogger(__name__)

_NO_TOPIC_CODES = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
_UNTOLD_CODES = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError._UNSUPPORTED_FEATURE,
)
_ASK_EVERY_S = 1.0
_NO_ID = "A" * 22  # of a broker that has none to tell: sixteen zeros


class TopicMemory(Protocol):
    """What remembers which topics its offsets are of: a store."""

    def topic_ids(self) -> dict[str, str]:
        """Id of every topic that was adopted with one."""

    def adopt_topic(self, topic: str, topic_id: str | None, *, from_beginning: bool) -> None:
        """Remember the topic that offsets are of from now on, with no offsets if `from_beginning`."""


class TopicIdentity:
    """Tells a topic from another one that was made under the same name later.

    Its offsets begin again at zero then, and where the new topic is as long as the old one was, nothing but
    the id that a cluster gives to every topic tells that alerts were skipped.

    Parameters
    ----------
    memory : TopicMemory or None
        Without one only a topic that is too short is noticed.
    remade : collection of str
        Topics whose being made again the operator knows: they are read from their beginning.
    """

    def __init__(
        self, connection: Connection, memory: TopicMemory | None, *, remade: Collection[str] = ()
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._known = memory.topic_ids() if memory is not None else {}
        self._remade = frozenset(remade)
        self._told = False
        self._warned = False
        self._asked: dict[str, Future[Any]] = {}
        self._asked_at = time.monotonic()

    def ask(self, admin: Any, topics: Collection[str]) -> dict[str, str]:
        """Ids of those topics that the cluster has; none of a cluster that tells none.

        Raises
        ------
        FatalError
            If it told one once, and does not tell it now for longer than our patience.
        """
        if self._memory is None or not topics:
            return {}
        try:
            ids: dict[str, str] = self._connection.ask(lambda wait_s: self._ask(admin, topics, wait_s))
        except KafkaException as exc:
            if self._known.keys() & set(topics):
                raise FatalError(
                    f"{self._connection.servers} does not tell the ids of {', '.join(sorted(topics))}: "
                    f"{exc.args[0].str()}"
                ) from exc
            ids = {}
        if not ids and not self._warned:
            self._warned = True
            log.warning(
                "the cluster tells no topic ids: a topic that is made again is not always noticed",
                extra={"servers": self._connection.servers},
            )
        return ids

    def changed(self, admin: Any, topics: Collection[str]) -> bool:
        """Whether one of the topics is known to be another one now; asked in passing, about once a second."""
        if self._asked:
            if not all(answer.done() for answer in self._asked.values()):
                return False
            asked, self._asked = self._asked, {}
            try:
                ids = self._ids(asked)
            except KafkaException as exc:
                log.debug("no topic ids now", extra={"error": str(exc)})
                return False
            return any(self._known.get(topic, ids[topic]) != ids[topic] for topic in ids)
        known = sorted(self._known.keys() & set(topics))
        if known and time.monotonic() - self._asked_at > _ASK_EVERY_S:
            self._asked_at = time.monotonic()
            self._asked = admin.describe_topics(TopicCollection(known), request_timeout=ANSWER_S)
        return False

    def settle(self, topic: str, topic_id: str | None, beyond_end: str | None) -> bool:
        """Whether the offsets in the store are of this topic; otherwise they are forgotten there.

        Parameters
        ----------
        topic_id : str or None
            The id that the cluster tells.
        beyond_end : str or None
            What shows that the topic is too short, where it is.

        Raises
        ------
        FatalError
            If they are not and the operator does not know.
        """
        known = self._known.get(topic)
        reason = beyond_end
        if known is not None and topic_id is not None and known != topic_id:
            reason = f"the store has read a topic with the id {known}, this one has {topic_id}"
        if reason is not None and topic not in self._remade:
            raise FatalError(
                f"topic {topic} was made anew, or lost messages: {reason}. To read it from its beginning and "
                f"go on with the light curves as they are, start once with --remade-topic {topic}"
            )
        if self._memory is not None and (reason is not None or (topic_id is not None and known is None)):
            self._memory.adopt_topic(topic, topic_id, from_beginning=reason is not None)
            self._known = self._memory.topic_ids()
        if reason is not None:
            log.warning("reading a topic that was made anew", extra={"topic": topic, "reason": reason})
        return reason is None

    def _ask(self, admin: Any, topics: Collection[str], wait_s: float) -> dict[str, str]:
        admin.poll(0)
        if not self._told:  # where there is no controller, the question would only run out of time
            cluster = admin.list_topics(timeout=wait_s)
            if cluster.controller_id not in cluster.brokers:
                if self._known.keys() & set(topics):
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no controller"))
                return {}
        asked = admin.describe_topics(TopicCollection(list(topics)), request_timeout=wait_s)
        return self._ids(asked)

    def _ids(self, asked: Mapping[str, Future[Any]]) -> dict[str, str]:
        """Ids among the answers about topics, waiting for them."""
        ids = {}
        for topic, answer in asked.items():
            try:
                topic_id = str(answer.result().topic_id)
            except KafkaException as exc:
                if exc.args[0].code() not in (*_NO_TOPIC_CODES, *_UNTOLD_CODES):
                    raise
            else:
                self._told = True
                if topic_id != _NO_ID:
                    ids[topic] = topic_id
        return ids
