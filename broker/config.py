"""Settings of the worker: frozen dataclasses; defaults, then TOML, then environment, then ``--set``."""

from __future__ import annotations

import difflib
import math
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from broker.errors import ConfigError
from broker.ingest.vetting import VettingRules

ENVIRONMENT_PREFIX = "VARSTREAM_"
MAX_BATCH_SIZE = 100_000

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
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    patience_s: float = 30.0
    nights: int = 2

    def __post_init__(self) -> None:
        if not self.topics or "" in self.topics:
            raise ConfigError("kafka.topics is empty: name at least one topic to read")
        if not self.group_id:
            raise ConfigError("kafka.group_id is empty: name the consumer group")
        _check_positive("kafka.nights", self.nights)
        strategy = str(self.settings.get("partition.assignment.strategy", "range"))
        if "cooperative" in strategy:
            raise ConfigError(f"kafka.settings: partition.assignment.strategy {strategy!r} is not supported")
        for topic in self.topics:
            if "{" in topic.replace("{utc_date}", ""):
                raise ConfigError(f"kafka.topics: {topic!r} has a placeholder other than {{utc_date}}")
        _check_positive("kafka.patience_s", self.patience_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputConfig:
    """Where annotations go: the cluster that is read from, unless it has its own servers and settings."""

    topic: str = "classifications"
    dead_letter_topic: str = "dead-letters"
    format: Literal["avro", "json"] = "avro"
    annotate_unscored: bool = True
    max_message_bytes: int = 1_000_000
    bootstrap_servers: str | None = None
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_positive("output.max_message_bytes", self.max_message_bytes)
        if self.topic == self.dead_letter_topic:
            raise ConfigError(f"output.topic and output.dead_letter_topic are both {self.topic!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Which classifier. `path` is a model folder; the shipped model by default."""

    path: Path | None = None
    min_epochs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingConfig:
    """How packets are read. `schemas` is a registry URL or a folder; LSST packets need it.

    `programids` lists the ZTF programmes whose alerts may be used; empty means all. The other rules are those
    of `VettingRules`.
    """

    schemas: str | None = None
    programids: tuple[int, ...] = (1,)
    max_distnr_arcsec: float = _DEFAULT_RULES.max_distnr_arcsec
    require_reference_star: bool = _DEFAULT_RULES.require_reference_star
    ztf_error: Literal["dc", "difference"] = _DEFAULT_RULES.ztf_error
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
    """Prometheus metrics; no port, no server."""

    port: int | None = None

    def __post_init__(self) -> None:
        if self.port is not None and not 0 < self.port < 2**16:
            raise ConfigError(f"metrics.port must be in 1 ... 65535, got {self.port}")


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


def load_config(
    path: Path | None, *, environment: Mapping[str, str] = os.environ, overrides: Sequence[str] = ()
) -> Config:
    """Read settings from a TOML file, the environment and the command line, later ones winning.

    An environment variable is ``VARSTREAM_SECTION__NAME``, an override ``section.name=value``; their values
    are read as TOML where they are TOML (``3``, ``true``, ``["a"]``, ``{a = 1}``), as plain text otherwise.
    Settings for librdkafka from different places add up: ``kafka.settings.sasl.password=...``.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a name or value is wrong; the message suggests the right one.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise ConfigError(f"cannot read the settings {path}: {exc.strerror}") from exc
        except ValueError as exc:  # not UTF-8, not TOML, or a number of more digits than Python reads
            raise ConfigError(f"the settings {path} are not TOML: {exc}") from exc
    for name, text in sorted(environment.items()):
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and separator:
            _put(tree, section, key, text)
        elif name.startswith(tuple(f"{ENVIRONMENT_PREFIX}{f.name.upper()}_" for f in fields(Config))):
            raise ConfigError(f"environment variable {name}: two underscores go between section and name")
    for override in overrides:
        name, equals, text = override.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise ConfigError(f"--set {override!r} is not of the form section.name=value")
        _put(tree, section, key, text.strip())
    return cast(Config, _build(Config, tree, ""))


def _put(tree: dict[str, Any], section: str, key: str, text: str) -> None:
    table = tree.setdefault(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{section} must be a table of settings, got {table!r}")
    if key.startswith("settings."):  # librdkafka reads text; a password may look like a number
        value: Any = {key.removeprefix("settings."): text}
        key = "settings"
    else:
        value = _toml_or_text(text)
    former = table.get(key)
    if key == "settings" and isinstance(value, dict) and isinstance(former, dict):
        table[key] = {**former, **value}
    else:
        table[key] = value


def _toml_or_text(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def _build(kind: Any, tree: object, where: str) -> object:
    """Make the dataclass `kind` from a table, recursively."""
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{where} must be a table of settings, got {tree!r}")
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    for name in tree:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
            raise ConfigError(f"unknown setting {_join(where, name)}: {hint}")
    arguments = {name: _value(hints[name], value, _join(where, name)) for name, value in tree.items()}
    for f in fields(kind):
        # A section that must be given explains itself what it lacks.
        if f.name not in arguments and is_dataclass(hints[f.name]):
            arguments[f.name] = _build(hints[f.name], {}, _join(where, f.name))
    return kind(**arguments)


def _value(hint: Any, value: Any, where: str) -> Any:
    """Check one value against its type hint; lists become tuples, text becomes a path."""
    origin, args = get_origin(hint), get_args(hint)
    if type(None) in args:
        hint = next(a for a in args if a is not type(None))
        origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return _build(hint, value, where)
    if origin is Literal and value in args:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_value(args[0], item, where) for item in value)
    if origin is Mapping and isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    if isinstance(hint, type):
        if hint is Path and isinstance(value, str):
            return Path(value).expanduser()
        if hint is float and type(value) is int and value.bit_length() < sys.float_info.max_exp:
            return float(value)
        if type(value) is hint:  # not isinstance: true is no number
            return value
    found = "something else" if where.endswith("settings") else repr(value)  # there may be a password in it
    raise ConfigError(f"{where} must be {_spell(hint)}, got {found}")


def _spell(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    return words.get(hint, "a list" if get_origin(hint) is tuple else "a table")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} must be > 0, got {value}")
