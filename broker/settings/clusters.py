"""Settings of clusters: the survey's, ours, and the topics of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from broker.errors import ConfigError
from broker.registry.client import parse_address
from broker.settings.librdkafka import check_consumer_settings, check_librdkafka_settings

MIN_MESSAGE_BYTES = 2000

_OUR_TOPICS = ("photometry", "changelog", "positions", "classifications", "dead_letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConfig:
    """Where alerts come from.

    `topics` are names, or templates with ``{utc_date}``, which stands for the latest `nights` as YYYYMMDD.
    `settings` go to librdkafka as they are: security, certificates, tuning.
    """

    bootstrap_servers: str = "localhost:9092"
    group_id: str = "varstream"
    topics: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    patience_s: float = 30.0
    nights: int = 2

    def __post_init__(self) -> None:
        if not self.topics or "" in self.topics:
            raise ConfigError("kafka.topics is empty: name at least one topic to read")
        if not self.group_id:
            raise ConfigError("kafka.group_id is empty: name the consumer group")
        check_positive("kafka.nights", self.nights)
        _check_servers("kafka.bootstrap_servers", self.bootstrap_servers)
        check_librdkafka_settings("kafka", self.settings)
        check_consumer_settings(self.settings)
        for topic in self.topics:
            if "{" in topic.replace("{utc_date}", ""):
                raise ConfigError(f"kafka.topics: {topic!r} has a placeholder other than {{utc_date}}")
        check_positive("kafka.patience_s", self.patience_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputConfig:
    """Where annotations go: the cluster that is read from, unless it has its own servers and settings.

    With the format ``"confluent"`` the schema has an id: `schema_id`, or the one that the registry at the
    address `registry` gives when it is registered there. `annotate_bands` and `annotate_fused` say whether
    single bands, and all bands of a star together, have records; `explain` whether these name the features
    that speak for and against their class.
    """

    format: Literal["avro", "json", "confluent"] = "avro"
    registry: str | None = field(default=None, repr=False)
    schema_id: int | None = None
    annotate_unscored: bool = True
    annotate_bands: bool = True
    annotate_fused: bool = True
    explain: bool = False
    max_message_bytes: int = 1_000_000
    bootstrap_servers: str | None = None
    settings: Mapping[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.max_message_bytes < MIN_MESSAGE_BYTES:
            raise ConfigError(
                f"output.max_message_bytes must be at least {MIN_MESSAGE_BYTES:,}, "
                f"got {self.max_message_bytes}: the headers of a dead letter need room"
            )
        if not self.annotate_bands and not self.annotate_fused:
            raise ConfigError(
                "output.annotate_bands and output.annotate_fused are both false: nothing would be published"
            )
        _check_servers("output.bootstrap_servers", self.bootstrap_servers or "")
        check_librdkafka_settings("output", self.settings or {})
        if self.registry is not None:
            try:
                parse_address(self.registry)
            except ConfigError as exc:
                raise ConfigError(f"output.registry: {exc}") from None
        if self.schema_id is not None and not 0 <= self.schema_id < 2**31:
            raise ConfigError(f"output.schema_id must be in 0 ... {2**31 - 1}, got {self.schema_id}")
        if self.format == "confluent" and (self.registry is None) == (self.schema_id is None):
            raise ConfigError(
                "output.format confluent needs a schema id: set either output.registry, where the schema is "
                "registered at every start, or output.schema_id"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsConfig:
    """Our topics, all on the cluster of `[output]`.

    They are made with so many `partitions` and so much `replication`. Where delivery is at least once, only
    `classifications` and `dead_letters` are used.
    """

    photometry: str = "photometry"
    changelog: str = "changelog"
    positions: str = "positions"
    classifications: str = "classifications"
    dead_letters: str = "dead-letters"
    partitions: int = 32
    replication: int = 1

    def __post_init__(self) -> None:
        for name in ("partitions", "replication"):
            check_positive(f"topics.{name}", getattr(self, name))
        named = {setting: getattr(self, setting) for setting in _OUR_TOPICS}
        for setting, topic in named.items():
            if not topic:
                raise ConfigError(f"topics.{setting} is empty: name a topic")
            if list(named.values()).count(topic) > 1:
                raise ConfigError(f"topics.{setting} has the name {topic!r} of another one of them")

    @property
    def names(self) -> list[str]:
        """Names of all of them."""
        return [getattr(self, setting) for setting in _OUR_TOPICS]


def check_positive(name: str, value: float) -> None:
    """Refuse what is not above zero.

    Raises
    ------
    ConfigError
        By the name of the setting.
    """
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} must be > 0, got {value}")


def _check_servers(name: str, servers: str) -> None:
    """Refuse a password where librdkafka takes none: every message about the cluster names its servers."""
    if "@" in servers:
        raise ConfigError(
            f"{name} holds an '@', which is in no HOST:PORT: user and password are settings of librdkafka, "
            "sasl.username and sasl.password"
        )
