"""Settings of the worker, a frozen dataclass for each section, with what cannot work refused."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from broker.errors import ConfigError
from broker.ingest.vetting import VettingRules
from broker.registry.client import parse_address
from broker.settings.librdkafka import check_consumer_settings, check_librdkafka_settings
from schemas.model.shipped import DEFAULT_MODELS

MAX_BATCH_SIZE = 100_000
MIN_MESSAGE_BYTES = 2000

_DEFAULT_RULES = VettingRules()


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
        _check_positive("kafka.nights", self.nights)
        _check_servers("kafka.bootstrap_servers", self.bootstrap_servers)
        check_librdkafka_settings("kafka", self.settings)
        check_consumer_settings(self.settings)
        for topic in self.topics:
            if "{" in topic.replace("{utc_date}", ""):
                raise ConfigError(f"kafka.topics: {topic!r} has a placeholder other than {{utc_date}}")
        _check_positive("kafka.patience_s", self.patience_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputConfig:
    """Where annotations go: the cluster that is read from, unless it has its own servers and settings.

    With the format ``"confluent"`` the schema has an id: `schema_id`, or the one that the registry at the
    address `registry` gives when it is registered there. `annotate_bands` and `annotate_fused` say whether
    single bands, and all bands of a star together, have records; `explain` whether these name the features
    that speak for and against their class.
    """

    topic: str = "classifications"
    dead_letter_topic: str = "dead-letters"
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
        if self.topic == self.dead_letter_topic:
            raise ConfigError(f"output.topic and output.dead_letter_topic are both {self.topic!r}")
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
class PriorsConfig:
    """How frequent classes are in the stream of each survey, in the place of what its model was made for.

    Of some or all classes, `OTHER` among them; see `schemas.model.priors`.
    """

    ztf: Mapping[str, Any] = field(default_factory=dict)
    lsst: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for survey in ("ztf", "lsst"):
            for name, share in getattr(self, survey).items():
                if type(share) not in (int, float) or not 0.0 <= share <= 1.0:
                    raise ConfigError(
                        f"model.priors.{survey}.{name} must be a number from 0 to 1, got {share!r}"
                    )

    def of(self, survey: str) -> dict[str, float]:
        """Return those of a survey; none where none were given."""
        return {name: float(share) for name, share in getattr(self, survey, {}).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Which classifiers: `path` for all alerts, or one for each survey, by default the one shipped for it.

    Each is a model folder or the name of a shipped model.
    """

    path: Path | None = None
    ztf: Path | None = None
    lsst: Path | None = None
    min_epochs: int | None = None
    priors: PriorsConfig = field(default_factory=PriorsConfig)

    def __post_init__(self) -> None:
        if self.path is not None and (self.ztf is not None or self.lsst is not None):
            raise ConfigError(
                f"model.path = {str(self.path)!r} is for the alerts of every survey: set either it, or "
                "model.ztf and model.lsst"
            )

    @property
    def named(self) -> dict[str, str]:
        """Folder or name of the model of every survey."""
        own = {"ztf": self.ztf, "lsst": self.lsst}
        return {
            survey: str(self.path or own.get(survey) or shipped) for survey, shipped in DEFAULT_MODELS.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingConfig:
    """How packets are read. `schemas` is a registry URL or a folder; LSST packets need it.

    Packets that name one of the `dead_schema_ids` are dead letters, whether or not the schema is known.
    `programids` lists the ZTF programmes whose alerts may be used; empty means all. The other rules are those
    of `VettingRules`.
    """

    schemas: str | None = None
    dead_schema_ids: tuple[int, ...] = ()
    programids: tuple[int, ...] = (1,)
    max_distnr_arcsec: float = _DEFAULT_RULES.max_distnr_arcsec
    require_reference_star: bool = _DEFAULT_RULES.require_reference_star
    ztf_error: Literal["dc", "difference"] = _DEFAULT_RULES.ztf_error
    forced_photometry: bool = _DEFAULT_RULES.forced_photometry
    max_mag_err: float = _DEFAULT_RULES.max_mag_err
    max_packet_bytes: int = _DEFAULT_RULES.max_packet_bytes

    def __post_init__(self) -> None:
        try:
            self.rules()
        except ConfigError as exc:
            raise ConfigError(f"decoding.{exc}") from None

    def rules(self) -> VettingRules:
        """Return what a usable detection is.

        Raises
        ------
        ConfigError
            If a rule makes no sense.
        """
        return VettingRules(
            programids=frozenset(self.programids) or None,
            max_distnr_arcsec=self.max_distnr_arcsec,
            require_reference_star=self.require_reference_star,
            ztf_error=self.ztf_error,
            forced_photometry=self.forced_photometry,
            max_mag_err=self.max_mag_err,
            max_packet_bytes=self.max_packet_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateConfig:
    """Where light curves are kept."""

    path: Path = Path("varstream-state.sqlite")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """The loop. A batch is what is published and stored together."""

    batch_size: int = 512
    dead_window: int = 500
    max_dead_fraction: float = 0.5

    def __post_init__(self) -> None:
        _check_positive("worker.batch_size", self.batch_size)
        if self.batch_size > MAX_BATCH_SIZE:
            raise ConfigError(
                f"worker.batch_size must be at most {MAX_BATCH_SIZE:,}, got {self.batch_size:,}"
            )
        _check_positive("worker.dead_window", self.dead_window)
        if not 0 < self.max_dead_fraction <= 1:
            raise ConfigError(f"worker.max_dead_fraction must be in (0, 1], got {self.max_dead_fraction}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """Prometheus metrics; no port, no server. `address` is of the interface that answers."""

    port: int | None = None
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if self.port is not None and not 0 < self.port < 2**16:
            raise ConfigError(f"metrics.port must be in 1 ... 65535, got {self.port}")
        if not _is_host(self.address):
            raise ConfigError(
                "metrics.address must be an IP address or a host name, without scheme, port or brackets"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of ``varstream run``."""

    kafka: KafkaConfig
    output: OutputConfig = field(default_factory=OutputConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    state: StateConfig = field(default_factory=StateConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

    def __post_init__(self) -> None:
        for topic in (self.output.topic, self.output.dead_letter_topic):
            if topic in self.kafka.topics and not self.output.bootstrap_servers:
                raise ConfigError(
                    f"output topic {topic!r} is among kafka.topics: the worker would read itself"
                )


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} must be > 0, got {value}")


def _check_servers(name: str, servers: str) -> None:
    """Refuse a password where librdkafka takes none: every message about the cluster names its servers."""
    if "@" in servers:
        raise ConfigError(
            f"{name} holds an '@', which is in no HOST:PORT: user and password are settings of librdkafka, "
            "sasl.username and sasl.password"
        )


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        is_name = all(re.fullmatch(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", label) for label in labels)
        return is_name and len(text) < 254 and not labels[-1].isdigit()
    return True
