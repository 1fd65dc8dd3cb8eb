"""Our topics: what each must be like, making them, and what is wrong with those that there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # not in its types
    ConfigResource,
    NewTopic,
    ResourceType,
)

from broker.errors import ConfigError, FatalError
from broker.settings.clusters import TopicsConfig
from broker.settings.config import Config
from broker.transport.kafka_client import ANSWER_S, Connection, make_admin

log = logging.getLogger(__name__)

_CREATE_S = 30.0
_LARGEST_BYTES = 10 * 2**20  # of a packet's whole history, or of a long light curve that is sealed anew


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What a topic must be like.

    Attributes
    ----------
    n_partitions : int or None
        None where any number will do.
    settings : mapping of str to str
        That it is made with.
    needed : mapping of str to str
        Of these, those without which light curves or alerts would be lost.
    """

    name: str
    n_partitions: int | None
    settings: Mapping[str, str]
    needed: Mapping[str, str] = field(default_factory=dict)


def plans(config: TopicsConfig, n_partitions: int | None) -> list[TopicPlan]:
    """Return what our topics must be like, with so many partitions where the number matters."""
    compact = {"cleanup.policy": "compact"}
    forever = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    large = {"max.message.bytes": str(_LARGEST_BYTES)}
    tidy = {"min.cleanable.dirty.ratio": "0.2", "delete.retention.ms": "86400000"}
    return [
        TopicPlan(config.photometry, n_partitions, {**forever, **large}, {"cleanup.policy": "delete"}),
        TopicPlan(config.changelog, n_partitions, {**compact, **large, **tidy}, compact),
        TopicPlan(config.positions, n_partitions, {**compact, **tidy, "segment.bytes": "16777216"}, compact),
        TopicPlan(config.classifications, None, {}),
        TopicPlan(config.dead_letters, None, large),
    ]


class OurTopics:
    """The topics of `[topics]` on our cluster."""

    def __init__(self, config: TopicsConfig, connection: Connection, settings: Mapping[str, Any]) -> None:
        self._config = config
        self._connection = connection
        self._admin = make_admin(connection, settings)

    def create(self) -> list[str]:
        """Make those that are missing; their names.

        Raises
        ------
        ConfigError
            If the cluster refuses us, or one of them cannot be made like this.
        FatalError
            If the cluster does not answer.
        """
        there = self._partitions()
        missing = [plan for plan in plans(self._config, self._config.partitions) if plan.name not in there]
        safe = {"min.insync.replicas": "2"} if self._config.replication >= 3 else {}
        new = [
            NewTopic(
                plan.name,
                plan.n_partitions or self._config.partitions,
                self._config.replication,
                config={**plan.settings, **safe},
            )
            for plan in missing
        ]
        if new:
            for name, done in self._admin.create_topics(new, request_timeout=_CREATE_S).items():
                try:
                    done.result()
                except KafkaException as exc:
                    if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise ConfigError(f"cannot make the topic {name}: {exc.args[0].str()}") from exc
        return [plan.name for plan in missing]

    def complaints(self) -> tuple[list[str], list[str]]:
        """Say what is wrong with the topics that there are: what loses data, and what may be better.

        Raises
        ------
        FatalError
            If the cluster does not answer.
        """
        config = self._config
        there = self._partitions()
        ours = plans(config, there.get(config.photometry))
        grave = [
            f"{plan.name} is missing: `varstream topics create` makes it"
            for plan in ours
            if plan.name not in there
        ]
        grave += [
            f"{plan.name} has {there[plan.name]} partitions, {config.photometry} has {plan.n_partitions}: "
            "they need the same number"
            for plan in ours
            if plan.n_partitions and there.get(plan.name, plan.n_partitions) != plan.n_partitions
        ]
        light: list[str] = []
        for plan in ours:
            if plan.name in there:
                found = self._settings(plan.name)
                for name, value in plan.settings.items():
                    if name in found and not _is_as_good(name, found[name], value):
                        said = f"{plan.name} has {name} = {found[name]}, and should have {value}"
                        (grave if name in plan.needed else light).append(said)
        return grave, light

    def check(self) -> int:
        """Refuse topics by which something could be lost; the number of partitions of photometry.

        Raises
        ------
        ConfigError
            If something is wrong with one.
        FatalError
            If the cluster does not answer.
        """
        grave, light = self.complaints()
        for complaint in light:
            log.warning("a topic could be better", extra={"complaint": complaint})
        if grave:
            raise ConfigError("; ".join(grave))
        return self._partitions()[self._config.photometry]

    def _partitions(self) -> dict[str, int]:
        """Numbers of partitions of those of our topics that there are."""
        names: Sequence[str] = self._config.names
        self._connection.wait_for_topics(self._admin, [])
        try:
            found = self._connection.ask(lambda wait_s: self._admin.list_topics(timeout=wait_s)).topics
        except KafkaException as exc:
            raise FatalError(f"{self._connection.servers} does not answer: {exc.args[0].str()}") from exc
        return {
            name: len(found[name].partitions) for name in names if name in found and not found[name].error
        }

    def _settings(self, name: str) -> dict[str, str]:
        """Return the settings of a topic; none of a cluster that does not let us ask."""
        resource = ConfigResource(ResourceType.TOPIC, name)
        try:
            (told,) = self._admin.describe_configs([resource], request_timeout=ANSWER_S).values()
            return {setting.name: str(setting.value) for setting in told.result(ANSWER_S).values()}
        except KafkaException as exc:
            log.warning("settings of a topic are not told", extra={"topic": name, "error": str(exc)})
            return {}


def _is_as_good(name: str, found: str, wanted: str) -> bool:
    """Whether a setting does what is wanted: more room does, another policy does not."""
    if name == "max.message.bytes":
        return int(found) >= int(wanted)
    if name in ("min.cleanable.dirty.ratio", "delete.retention.ms", "segment.bytes"):
        return True  # a matter of taste
    return found == wanted


def our_topics(config: Config) -> OurTopics:
    """Return the topics of `[topics]` on our cluster."""
    kafka, output = config.kafka, config.output
    servers = output.bootstrap_servers or kafka.bootstrap_servers
    settings = kafka.settings if output.settings is None else output.settings
    return OurTopics(config.topics, Connection(servers, patience_s=kafka.patience_s), settings)
