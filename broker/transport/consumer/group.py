"""Membership of the consumer group: this worker has to be its only member, for it needs every partition."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from broker.alert import Partition
from broker.errors import ConfigError, FatalError
from broker.settings.librdkafka import session_ms
from broker.transport.kafka_client import ANSWER_S

log = logging.getLogger(__name__)

_GRACE_S = 3.0  # a broker takes a member that is silent out of its group a moment after its session ended
_PAUSE_S = 0.5
_UNTOLD_CODES = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
_UNSUPPORTED_CODES = (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION)

_REMEDY = (
    "light curves need all partitions, so run one worker per group: "
    "stop the other one, or name another kafka.group_id"
)


class Membership:
    """Whether others are in our consumer group, and how long they may be.

    A worker that was killed, or whose broker was, remains a member of its group until its session ends: every
    other member is borne with for so long.
    """

    def __init__(self, group_id: str, settings: Mapping[str, Any], *, patience_s: float) -> None:
        self._group_id = group_id
        self._patience_s = patience_s
        self._session_s = session_ms(settings) / 1000.0 + _GRACE_S
        self._part_since: float | None = None

    def wait_until_free(self, admin: Any) -> None:
        """Return when the group has no member; to be called before it is joined.

        A member that joins a group takes partitions from those who are in it: of two workers that were
        started again and again each would stop the other.

        Raises
        ------
        ConfigError
            If it still has one when the session of a dead member would be over.
        FatalError
            If the cluster does not tell, for longer than our patience.
        """
        started = time.monotonic()
        first_seen = None
        while True:
            try:
                members = self._members(admin)
            except KafkaException as exc:  # the group's broker may be starting
                if time.monotonic() - started > self._patience_s:
                    reason = exc.args[0].str()
                    raise FatalError(f"cannot ask who is in group {self._group_id}: {reason}") from exc
            else:
                if not members:
                    return
                if first_seen is None:
                    first_seen = time.monotonic()
                    log.warning(
                        "waiting for the group's other member to leave or to expire",
                        extra={"group": self._group_id, "member": members[0], "at_most_s": self._session_s},
                    )
                if time.monotonic() - first_seen > self._session_s:
                    raise ConfigError(f"group {self._group_id} has a member, {members[0]}: {_REMEDY}")
            time.sleep(_PAUSE_S)

    def has_all(self, given: Sequence[Partition], partitions: Mapping[str, int]) -> bool:
        """Whether all partitions of the topics were given to us.

        While they were not, those who have the rest are waited for: a dead member expires, a live one finds
        out that it has a part as we do. The member with the first partition is the one that stays.

        Parameters
        ----------
        given : sequence of (topic, partition)
            What the group gave to us.
        partitions : mapping of str to int
            How many partitions each topic has.

        Raises
        ------
        ConfigError
            If another member kept the first partition for longer than a dead one could.
        FatalError
            If other members kept some of the rest for twice as long.
        """
        everything = {(topic, number) for topic, n in partitions.items() for number in range(n)}
        missing = everything - set(given)
        if not missing:
            self._part_since = None
            return True
        if self._part_since is None:
            self._part_since = time.monotonic()
            log.warning(
                "waiting for partitions that another member of the group has",
                extra={"group": self._group_id, "missing": len(missing), "of": len(everything)},
            )
        waited_s = time.monotonic() - self._part_since
        topic, _ = min(missing)
        n = partitions[topic]
        n_given = n - sum(missed == topic for missed, _ in missing)
        said = (
            f"group {self._group_id} gave this worker {n_given} of the {n} partitions of {topic}, "
            f"another member has the rest: {_REMEDY}"
        )
        if min(everything) in missing and waited_s > self._session_s:
            raise ConfigError(said)
        if waited_s > 2 * self._session_s:
            raise FatalError(said)
        return False

    def _members(self, admin: Any) -> list[str]:
        """Members of the group, by client id and address; none where the cluster does not tell."""
        (described,) = admin.describe_consumer_groups([self._group_id], request_timeout=ANSWER_S).values()
        try:
            members = described.result().members
        except KafkaException as exc:
            code = exc.args[0].code()
            if code == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            if code in _UNTOLD_CODES or code in _UNSUPPORTED_CODES:
                log.log(
                    logging.WARNING if code in _UNTOLD_CODES else logging.INFO,
                    "cannot ask who else is in the group",
                    extra={"group": self._group_id, "error": exc.args[0].str()},
                )
                return []
            raise
        return [f"{member.client_id} at {member.host.lstrip('/')}" for member in members]
