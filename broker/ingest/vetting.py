"""Vetting rules: which detections are used, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from broker.alert import UNKNOWN_OFFSET
from broker.avro.projection import Record
from broker.errors import AlertError, ConfigError
from schemas.surveys import BRIGHTEST_MAG, FAINTEST_MAG, UNINFORMATIVE_ERR_MAG, ZTF

USED, WITHDRAWN = "used", "withdrawn"
FORCED_ROWS = "forced"


@dataclass(frozen=True, slots=True, kw_only=True)
class VettingRules:
    """What a detection must satisfy to become an epoch of a light curve.

    Attributes
    ----------
    programids : frozenset of int, or None
        ZTF programmes whose detections are used; 1 is the public one. None takes all.
    max_distnr_arcsec : float
        ZTF: a source of the reference image nearer than this is the alert's star.
    require_reference_star : bool
        ZTF: without such a source, True passes the detection over; False takes the reference flux as zero,
        which is right for a transient and wrong for a star blended with a neighbour.
    ztf_error : {"dc", "difference"}
        Error of a ZTF total magnitude: of reference and difference in quadrature, or of the difference
        alone.
    forced_photometry : bool
        Whether forced photometry that comes with alerts is used; otherwise its rows are only counted.
    max_mag_err : float
        An epoch whose error is as large, or larger, says nothing about the star [mag].
    max_packet_bytes : int
        Larger messages are not looked at.
    """

    programids: frozenset[int] | None = frozenset({1})
    max_distnr_arcsec: float = 1.4
    require_reference_star: bool = True
    ztf_error: Literal["dc", "difference"] = "dc"
    forced_photometry: bool = True
    max_mag_err: float = UNINFORMATIVE_ERR_MAG
    max_packet_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        if self.programids is not None and not self.programids:
            raise ConfigError("programids is empty: no ZTF alert would be used; name some or take all")
        if not self.max_distnr_arcsec > 0:
            raise ConfigError(f"max_distnr_arcsec must be > 0, got {self.max_distnr_arcsec}")
        if self.ztf_error not in ("dc", "difference"):
            raise ConfigError(f"ztf_error must be 'dc' or 'difference', got {self.ztf_error!r}")
        if not self.max_mag_err > 0:
            raise ConfigError(f"max_mag_err must be > 0, got {self.max_mag_err}")
        if self.max_packet_bytes < 1:
            raise ConfigError(f"max_packet_bytes must be >= 1, got {self.max_packet_bytes}")

    def of(self, survey: str) -> dict[str, Any]:
        """Return the rules that detections of this survey are vetted by, as plain values."""
        every: dict[str, Any] = {
            "forced_photometry": self.forced_photometry,
            "max_mag_err": float(self.max_mag_err),
        }
        if survey != ZTF.name:
            return every
        return every | {
            "programids": None if self.programids is None else sorted(self.programids),
            "max_distnr_arcsec": float(self.max_distnr_arcsec),
            "require_reference_star": self.require_reference_star,
            "ztf_error": self.ztf_error,
        }


@dataclass(frozen=True, slots=True)
class Fates:
    """Fate of every detection in a packet.

    Attributes
    ----------
    trigger : str
        ``"used"``, or why the triggering detection is not.
    used : (n,) bool
        Rows that are used.
    history : mapping of str to int
        Fates of the history rows, counted.
    """

    trigger: str
    used: NDArray[np.bool_]
    history: dict[str, int]


def vet(failures: Mapping[str, NDArray[np.bool_]]) -> Fates:
    """Give every row the first failure that applies to it; ``"used"`` where none does.

    Parameters
    ----------
    failures : mapping of str to (n,) bool
        Reason -> rows it applies to, the most important first. Row 0 is the trigger.
    """
    reasons, fate = _first_reasons(failures)
    return Fates(reasons[fate[0]], fate == 0, _counted(reasons, fate[1:]))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts on every row of forced photometry in a packet.

    Attributes
    ----------
    used : (n,) bool
        Rows that may be used.
    withdrawn : (n,) bool
        Rows that the survey has taken back.
    counted : mapping of str to int
        ``"forced"``, how many rows there are, and how many of each verdict, ``"forced_used"`` among them.
    """

    used: NDArray[np.bool_]
    withdrawn: NDArray[np.bool_]
    counted: dict[str, int]


def judge(failures: Mapping[str, NDArray[np.bool_]]) -> Verdicts:
    """Give every row of forced photometry its verdict, as `vet` gives detections their fate."""
    reasons, verdict = _first_reasons(failures)
    counted = {f"{FORCED_ROWS}_{reason}": n for reason, n in _counted(reasons, verdict).items()}
    withdrawn = failures.get(WITHDRAWN, np.zeros(verdict.size, dtype=np.bool_))
    return Verdicts(verdict == 0, withdrawn, {FORCED_ROWS: verdict.size, **counted})


def _first_reasons(failures: Mapping[str, NDArray[np.bool_]]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the reasons, ``"used"`` before them, and which of them applies to each row."""
    reasons = (USED, *failures)
    table = np.empty((len(reasons), next(iter(failures.values())).size), dtype=np.bool_)
    for row, failed in enumerate(failures.values(), start=1):  # x4 faster than to stack them
        table[row] = failed
    table[0] = ~table[1:].any(axis=0)
    return reasons, table.argmax(axis=0)


def _counted(reasons: Iterable[str], which: NDArray[np.int64]) -> dict[str, int]:
    names = tuple(reasons)
    counts = np.bincount(which, minlength=len(names)).tolist()
    return {reason: n for reason, n in zip(names, counts, strict=True) if n}


def offset_byte(arcsec: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Offsets of forced photometry from its star as `EPOCH` holds them; unknown ones as the largest."""
    hundredths = np.where(np.isfinite(arcsec), np.round(100.0 * arcsec), UNKNOWN_OFFSET)
    return np.clip(hundredths, 0, UNKNOWN_OFFSET).astype(np.uint8)


def bad_trigger(record: Record, checks: Mapping[str, NDArray[np.bool_]], where: str) -> AlertError:
    """Return the error for a triggering detection that fails a check, naming the field and its value."""
    name = next(name for name, passed in checks.items() if not passed[0])
    if not record.present[name][0]:
        return AlertError("missing_field", f"{where}.{name} is null or not in the writer's schema")
    value = record.columns[name][0]
    shown = bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else value.item()
    return AlertError("bad_value", f"{where}.{name} is {shown!r}, which cannot be")


def all_of(checks: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Rows that pass every check."""
    return reduce(and_, checks)


def places(
    record: Record,
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
    """Right ascension, declination [deg], the trigger's where a detection has none; which are possible."""
    ra, dec = (
        np.where(record.present[name], record.columns[name], record.columns[name][0])
        for name in ("ra", "dec")
    )
    return ra, dec, {"ra": (ra >= 0.0) & (ra <= 360.0), "dec": (dec >= -90.0) & (dec <= 90.0)}


def is_magnitude(mag: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Exclude null and what stands for it: 0, 50, 88.888, 99 and above, -9.99, -999, -99999."""
    possible: NDArray[np.bool_] = (mag >= BRIGHTEST_MAG) & (mag <= FAINTEST_MAG) & (mag != 0.0)
    return possible


def is_limit(error: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether what stands for an error says that its magnitude is a limit: 50, 99.99, 999, infinity."""
    limit: NDArray[np.bool_] = error > FAINTEST_MAG
    return limit


def known_error(error: NDArray[Any]) -> NDArray[Any]:
    """Errors as they are where positive and finite, NaN elsewhere: an error of zero or -999 is no error."""
    return np.where((error > 0.0) & np.isfinite(error), error, np.nan)
