"""Merging alerts into light curves: one point per exposure, whatever order they come in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from broker.alert import EPOCH, Alert

SECONDS_PER_DAY = 86_400.0

# A survey re-sends an epoch with its last digits changed: in 2,268 ZTF packets by up to 5e-5 mag in the
# difference and 1e-5 d, which stays below a tenth of the error in the total magnitude.
SAME_MJD_D = 2e-5
SAME_MAG = 1e-3
SAME_FRACTION_OF_ERROR = 0.1


@dataclass(frozen=True, slots=True)
class LightCurve:
    """All epochs of one object, every band, in the order they arrived.

    Attributes
    ----------
    epochs : (n,) EPOCH
        At most one per (band, exposure) and one per source id.
    n_sealed : int
        Length of the prefix that the store already holds unchanged.
    """

    epochs: NDArray[np.void]
    n_sealed: int = 0

    @classmethod
    def empty(cls) -> LightCurve:
        """Light curve of an object never seen before."""
        return cls(np.empty(0, EPOCH))


@dataclass(frozen=True, slots=True)
class BandSeries:
    """One band of a light curve as the features take it, sorted by time.

    Attributes
    ----------
    time : (n,) float64
        Heliocentric mid-exposure time in the survey's scale, MJD [d].
    mag, mag_err : (n,) float64
        Total magnitude and its one-sigma error, NaN where unknown [mag].
    """

    band: str
    time: NDArray[np.float64]
    mag: NDArray[np.float64]
    mag_err: NDArray[np.float64]

    @property
    def baseline_d(self) -> float:
        """Time from the first to the last epoch [d]."""
        return float(self.time[-1] - self.time[0]) if self.time.size else 0.0


def merge(curve: LightCurve, alert: Alert) -> tuple[LightCurve, list[str]]:
    """Bring `curve` up to what `alert` tells, and name the bands that changed by it.

    Epochs are known by their source id: a re-sent one replaces the held one only where its values differ
    by more than rounding. Of two detections in one exposure the one with the larger source id stays.
    Withdrawn detections leave. No band changes where the alert brings nothing new.
    """
    epochs, n_sealed, changed = _withdraw(curve, alert.withdrawn)
    appended: list[NDArray[np.void]] = []
    index = _Index(epochs)
    for row in _unheld(np.concatenate([alert.history, alert.detection]), epochs, alert.withdrawn):
        held = index.find(row)
        if held is None:
            index.add(row, epochs.size + len(appended))
            appended.append(row)
        else:
            target, at = (epochs, held) if held < epochs.size else (appended[held - epochs.size], 0)
            if int(target["source_id"][at]) > int(row["source_id"][0]):
                continue  # the same exposure was measured again later: that one stays
            if target is epochs and epochs is curve.epochs:
                epochs = epochs.copy()
                target = epochs
            changed.add(bytes(target["band"][at]))
            index.replace(target[at : at + 1], row, held)
            target[at] = row[0]
            n_sealed = 0 if held < n_sealed else n_sealed
        changed.add(bytes(row["band"][0]))
    if appended:
        epochs = np.concatenate([epochs, *appended])
    return LightCurve(epochs, n_sealed), sorted(band.decode("ascii") for band in changed)


def band_series(curve: LightCurve, band: str) -> BandSeries:
    """Epochs of one band, by time; ties by source id."""
    epochs = curve.epochs[curve.epochs["band"] == band.encode("ascii")]
    time = epochs["mjd"] + epochs["time_correction_s"].astype(np.float64) / SECONDS_PER_DAY
    order = np.lexsort((epochs["source_id"], time))
    return BandSeries(
        band,
        time[order],
        epochs["mag"].astype(np.float64)[order],
        epochs["mag_err"].astype(np.float64)[order],
    )


def _withdraw(curve: LightCurve, withdrawn: NDArray[np.int64]) -> tuple[NDArray[np.void], int, set[bytes]]:
    leaves = np.isin(curve.epochs["source_id"], withdrawn) if withdrawn.size else np.zeros(0, bool)
    if not leaves.any():
        return curve.epochs, curve.n_sealed, set()
    first = int(np.argmax(leaves))
    bands = {bytes(band) for band in curve.epochs["band"][leaves]}
    return curve.epochs[~leaves], curve.n_sealed if first >= curve.n_sealed else 0, bands


def _unheld(
    rows: NDArray[np.void], epochs: NDArray[np.void], withdrawn: NDArray[np.int64]
) -> Iterable[NDArray[np.void]]:
    """Rows that `epochs` does not hold with the same values, one at a time, each of shape (1,)."""
    fresh = ~np.isin(rows["source_id"], withdrawn)
    if epochs.size:
        order = np.argsort(epochs["source_id"])
        at = np.searchsorted(epochs["source_id"], rows["source_id"], sorter=order)
        held = epochs[order[np.minimum(at, order.size - 1)]]
        fresh &= (held["source_id"] != rows["source_id"]) | ~_same_values(held, rows)
    return (rows[i : i + 1] for i in np.flatnonzero(fresh))


def _same_values(a: NDArray[np.void], b: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether two measurements of one detection agree to rounding; unknown errors equal each other."""
    err = np.where(np.isfinite(a["mag_err"]), a["mag_err"], 0.0).astype(np.float64)
    other = np.where(np.isfinite(b["mag_err"]), b["mag_err"], 0.0).astype(np.float64)
    slack = np.maximum(SAME_MAG, SAME_FRACTION_OF_ERROR * err)
    return np.asarray(
        (np.abs(a["mjd"] - b["mjd"]) <= SAME_MJD_D)
        & (np.abs(a["mag"].astype(np.float64) - b["mag"]) <= slack)
        & (np.abs(err - other) <= slack)
        & (a["band"] == b["band"])
    )


class _Index:
    """Where an epoch is held: by its source id, else by its (band, exposure)."""

    def __init__(self, epochs: NDArray[np.void]) -> None:
        self._by_source = {int(s): i for i, s in enumerate(epochs["source_id"])}
        self._by_exposure = {
            (bytes(b), int(x)): i
            for i, (b, x) in enumerate(zip(epochs["band"], epochs["exposure"], strict=True))
        }

    def find(self, row: NDArray[np.void]) -> int | None:
        at = self._by_source.get(int(row["source_id"][0]))
        return at if at is not None else self._by_exposure.get(_exposure(row))

    def add(self, row: NDArray[np.void], at: int) -> None:
        self._by_source[int(row["source_id"][0])] = at
        self._by_exposure[_exposure(row)] = at

    def replace(self, old: NDArray[np.void], new: NDArray[np.void], at: int) -> None:
        self._by_source.pop(int(old["source_id"][0]), None)
        self._by_exposure.pop(_exposure(old), None)
        self.add(new, at)


def _exposure(row: NDArray[np.void]) -> tuple[bytes, int]:
    return bytes(row["band"][0]), int(row["exposure"][0])
