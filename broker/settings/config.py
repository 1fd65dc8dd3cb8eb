"""Settings of the worker, a frozen dataclass for each section, with what cannot work refused."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from broker.errors import ConfigError
from broker.ingest.vetting import VettingRules
from broker.settings.clusters import KafkaConfig, OutputConfig, TopicsConfig, check_positive
from schemas.model.shipped import DEFAULT_MODELS

MAX_BATCH_SIZE = 100_000

_DEFAULT_RULES = VettingRules()


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
    """Where light curves are kept: a folder, with one of its own for each worker of this machine.

    With `forget_after_days` objects that were not seen for so long leave it; 0 keeps them all.
    """

    path: Path = Path("varstream-state")
    forget_after_days: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.forget_after_days < math.inf:
            raise ConfigError(f"state.forget_after_days must be >= 0, got {self.forget_after_days}")
        if self.path.is_file():
            raise ConfigError(
                f"state.path {self.path} is a file, and a folder is needed. A store of a former version goes "
                'on with worker.delivery = "at_least_once", as at-least-once.sqlite in the folder of its '
                "worker.instance in there"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """The loop. A batch is what is published and stored together.

    `delivery` is how often every alert is annotated. `stage` says which of the two stages this process has.
    `instance` is this worker's lasting name, the machine's host name where it is empty. `processes` of them
    share the work of this machine.
    """

    delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"
    stage: Literal["all", "ingest", "classify"] = "all"
    instance: str = ""
    processes: int = 1
    batch_size: int = 512
    dead_window: int = 500
    max_dead_fraction: float = 0.5

    def __post_init__(self) -> None:
        check_positive("worker.batch_size", self.batch_size)
        if self.batch_size > MAX_BATCH_SIZE:
            raise ConfigError(
                f"worker.batch_size must be at most {MAX_BATCH_SIZE:,}, got {self.batch_size:,}"
            )
        check_positive("worker.dead_window", self.dead_window)
        check_positive("worker.processes", self.processes)
        if self.instance and not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", self.instance):
            raise ConfigError(
                "worker.instance must be of letters, digits, dots, hyphens and underscores, got "
                f"{self.instance!r}"
            )
        if self.delivery == "at_least_once" and (self.stage != "all" or self.processes != 1):
            raise ConfigError(
                'worker.delivery = "at_least_once" has both stages in one process, without the topics '
                'between them: leave worker.stage at "all" and worker.processes at 1'
            )
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
    topics: TopicsConfig = field(default_factory=TopicsConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    state: StateConfig = field(default_factory=StateConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

    def __post_init__(self) -> None:
        for topic in self.topics.names:
            if topic in self.kafka.topics and not self.output.bootstrap_servers:
                raise ConfigError(
                    f"{topic!r} of [topics] is among kafka.topics: the worker would read itself"
                )


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        is_name = all(re.fullmatch(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", label) for label in labels)
        return is_name and len(text) < 254 and not labels[-1].isdigit()
    return True
