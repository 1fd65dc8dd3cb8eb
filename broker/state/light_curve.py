"""Light curves: alerts merged into them, one point per exposure, whatever order they come in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from broker.alert import DETECTION, EPOCH, FORCED, REFUSED, Alert
from broker.state.epochs import (
    alike,
    among,
    exposure_keys,
    find,
    find_where,
    is_detection,
    joined,
    last_of_each,
    picked,
    put,
    same_values,
    seen,
)

SECONDS_PER_DAY = 86_400.0

NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class LightCurve:
    """All epochs of one object, every band, in the order they arrived.

    Attributes
    ----------
    epochs : (n,) EPOCH
        At most one detection per source id; per (band, exposure) at most one that is not withdrawn, and one
        of forced photometry. They are both there only where forced photometry is the one that counts.
    n_sealed : int
        Length of the prefix that the store already holds unchanged.
    """

    epochs: NDArray[np.void]
    n_sealed: int = 0

    @classmethod
    def empty(cls) -> LightCurve:
        """Light curve of an object never seen before."""
        return cls(np.empty(0, EPOCH))

    def holds(self, source_id: int) -> bool:
        """Whether a detection is held, or remembered as withdrawn."""
        return bool((is_detection(self.epochs) & (self.epochs["source_id"] == source_id)).any())


@dataclass(frozen=True, slots=True)
class BandSeries:
    """One band of a light curve as the features take it, sorted by time.

    Attributes
    ----------
    time : (n,) float64
        Heliocentric mid-exposure time in the survey's scale, MJD [d].
    mag, mag_err : (n,) float64
        Total magnitude and its one-sigma error, NaN where unknown [mag].
    forced : (n,) bool
        Whether it is forced photometry and no detection.
    exposure : (n,) int64
        What the survey calls the exposure.
    mjd : (n,) float64
        Time as the survey reports it [d].
    """

    band: str
    time: NDArray[np.float64]
    mag: NDArray[np.float64]
    mag_err: NDArray[np.float64]
    forced: NDArray[np.bool_]
    exposure: NDArray[np.int64]
    mjd: NDArray[np.float64]


def merge(curve: LightCurve, alert: Alert) -> tuple[LightCurve, list[str]]:
    """Bring `curve` up to what `alert` tells, and name the bands that are to be published for it.

    Detections are known by their source id: a re-sent one replaces the held one only where its values differ
    by more than rounding. Of two detections in one exposure the one with the larger source id stays.
    Withdrawn detections leave for good, whatever an older packet says later.

    Forced photometry is known by band and exposure. Where it wins over detections, the newest alert that has
    a row of the exposure judges whether it counts, in whatever order alerts come, and a row that was
    withdrawn never comes back; the detection stays below it and counts where the row does not. Where it only
    fills, it leaves for a detection of its exposure, and of two rows the one nearer to the star stays, the
    held one of equal ones.

    A band is published whose set of exposures changes, or where one is measured by another detection or
    another kind of measurement, or where a detection was measured again; the alert's own also where forced
    photometry was measured again, and wherever its detection was not held. Forced photometry of another band
    that was only measured again changes the curve and no more. No band is named, and the epochs are the same
    array, where the alert brings nothing new.
    """
    before = curve.epochs
    after, left = _withdraw(before, alert.withdrawn)
    after, came = _take_detections(after, joined(alert.history, alert.detection), alert)
    after, judged = _take_forced(after, alert)
    if after is before:
        return curve, []
    sealed = slice(0, curve.n_sealed)
    now = LightCurve(after, curve.n_sealed if alike(after[sealed], before[sealed]) else 0)
    changed, touched = _changed_bands(before, after, np.concatenate([left, came, judged]))
    own = bytes(alert.detection["band"][0])
    is_new = now.holds(alert.source_id) and not curve.holds(alert.source_id) and not alert.is_withdrawn
    published = changed | {own} if is_new or own in touched else changed
    return now, sorted(band.decode("ascii") for band in published)


def band_series(curve: LightCurve, band: str) -> BandSeries:
    """Epochs of one band that count, by time; ties by source id, then by exposure."""
    epochs = curve.epochs
    counts = ~epochs["withdrawn"] & (epochs["kind"] != REFUSED)
    epochs = picked(epochs, counts & (epochs["band"] == band.encode("ascii")))
    forced = epochs["kind"] == FORCED
    if forced.any():
        epochs = seen(epochs)
    time = epochs["mjd"] + epochs["time_correction_s"].astype(np.float64) / SECONDS_PER_DAY
    order = np.lexsort((epochs["exposure"], epochs["source_id"], time))
    epochs = picked(epochs, order)
    return BandSeries(
        band,
        time[order],
        epochs["mag"].astype(np.float64),
        epochs["mag_err"].astype(np.float64),
        epochs["kind"] == FORCED,
        epochs["exposure"].copy(),
        epochs["mjd"].copy(),
    )


def _withdraw(
    epochs: NDArray[np.void], withdrawn: NDArray[np.int64]
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Mark what leaves, and note what was never held, so that neither can come back with an older packet.

    Returns
    -------
    epochs : (n,) EPOCH
        The same array where nothing changes, as of the functions below.
    left : (k,) int64
        Keys of the exposures that are touched by it.
    """
    if not withdrawn.size:
        return epochs, NOTHING
    detections = is_detection(epochs)
    leaves = np.isin(epochs["source_id"], withdrawn) & detections & ~epochs["withdrawn"]
    unseen = np.setdiff1d(withdrawn, epochs["source_id"][detections])
    if not leaves.any() and not unseen.size:
        return epochs, NOTHING
    marks = np.zeros(unseen.size, EPOCH)
    marks["source_id"], marks["withdrawn"] = unseen, True
    left = exposure_keys(picked(epochs, leaves))
    epochs = joined(epochs, marks)
    epochs["withdrawn"][: leaves.size] |= leaves
    return epochs, left


def _take_detections(
    held: NDArray[np.void], rows: NDArray[np.void], alert: Alert
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Add detections, the trigger last, or put them in the place of what they are better than."""
    at = find_where(rows["source_id"], held["source_id"], is_detection(held))
    fresh = at < 0
    known = np.flatnonzero(~fresh)
    if known.size:
        former, again = picked(held, at[known]), picked(rows, known)
        if not alike(former, again):
            fresh[known] = ~(former["withdrawn"] | same_values(former, again))
    if not fresh.any():
        return held, NOTHING
    rows, at = picked(rows, fresh), at[fresh]
    if rows.size > 1:  # of a detection that is sent twice the later row
        latest = np.sort(last_of_each(rows["source_id"], np.arange(rows.size)))
        rows, at = picked(rows, latest), at[latest]
    replaces = at >= 0
    epochs = joined(held, picked(rows, ~replaces))
    put(epochs, at[replaces], picked(rows, replaces))
    touched = np.concatenate([exposure_keys(picked(held, at[replaces])), exposure_keys(rows)])
    return _one_each(epochs, exposure_keys(rows), alert, held), touched


def _one_each(
    epochs: NDArray[np.void], keys: NDArray[np.int64], alert: Alert, held: NDArray[np.void]
) -> NDArray[np.void]:
    """Leave in every exposure of `keys` one detection; `held` itself where the rest is what was held."""
    all_keys = exposure_keys(epochs)
    kind = epochs["kind"]
    contends = ~epochs["withdrawn"] & among(all_keys, keys)
    contends &= kind == DETECTION if alert.forced_wins else kind != REFUSED
    places = np.flatnonzero(contends)
    contested = all_keys[places]
    rank = np.where(kind[places] == DETECTION, epochs["source_id"][places], -1)
    best = last_of_each(contested, rank)
    if best.size == places.size:
        return epochs
    first = last_of_each(contested, -places)  # the place of the earliest, which the best one takes
    stays = np.ones(epochs.size, dtype=np.bool_)
    stays[places] = False
    stays[places[first]] = True
    put(epochs, places[first], picked(epochs, places[best]))
    epochs = picked(epochs, stays)
    return held if alike(epochs, held) else epochs


def _take_forced(epochs: NDArray[np.void], alert: Alert) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Add forced photometry, or put it in the place of what it is better than."""
    rows = alert.forced
    if not rows.size:
        return epochs, NOTHING
    detections = is_detection(epochs)
    rivals = ~detections if alert.forced_wins else ~(detections & epochs["withdrawn"])
    keys = exposure_keys(rows)
    at = find_where(keys, exposure_keys(epochs), rivals)
    known = np.flatnonzero(at >= 0)
    better = at < 0
    differs = better.copy()
    if known.size:
        former, new = picked(epochs, at[known]), picked(rows, known)
        if not alike(former, new):
            same = (former["kind"] == new["kind"]) & (former["withdrawn"] == new["withdrawn"])
            differs[known] = ~(same & same_values(former, new))
            better[known] = _wins(new, former, differs[known]) if alert.forced_wins else _nearer(new, former)
    if not better.any():
        return epochs, NOTHING
    again = better & (at >= 0)
    epochs = joined(epochs, picked(rows, better & (at < 0)))
    put(epochs, at[again], picked(rows, again))
    return epochs, keys[better & differs]


def _wins(new: NDArray[np.void], former: NDArray[np.void], differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the verdict of a packet takes the place of an earlier packet's: `source_id` has their times."""
    judge, former_judge = new["source_id"], former["source_id"]
    newer = (judge > former_judge) | ((judge == former_judge) & differs)
    wins: NDArray[np.bool_] = ~former["withdrawn"] & (new["withdrawn"] | newer)
    return wins


def _nearer(new: NDArray[np.void], former: NDArray[np.void]) -> NDArray[np.bool_]:
    """Where forced photometry takes the place of that of another packet; never that of a detection."""
    nearer: NDArray[np.bool_] = ~is_detection(former) & (new["offset"] < former["offset"])
    return nearer


def _changed_bands(
    before: NDArray[np.void], after: NDArray[np.void], touched: NDArray[np.int64]
) -> tuple[set[bytes], set[bytes]]:
    """Bands with other exposures, detections or kinds of them; and bands with any other value."""
    if not touched.size:
        return set(), set()
    were = among(exposure_keys(before), touched)
    new = seen(picked(after, among(exposure_keys(after), touched)))
    if not were.any():  # nearly always
        changed = _bands(new)
        return changed, changed
    old = seen(picked(before, were))
    old_keys, new_keys = exposure_keys(old), exposure_keys(new)
    at = find(new_keys, old_keys)
    both = np.flatnonzero(at >= 0)
    former, latter = picked(old, at[both]), picked(new, both)
    same = former["kind"] == latter["kind"]
    forced = same & (latter["kind"] == FORCED)
    remeasured = ~same_values(former, latter)
    other = ~same | (~forced & (remeasured | (former["source_id"] != latter["source_id"])))
    changed = _bands(picked(new, at < 0), picked(old, find(old_keys, new_keys) < 0), picked(latter, other))
    return changed, changed | _bands(picked(latter, forced & remeasured))


def _bands(*parts: NDArray[np.void]) -> set[bytes]:
    return {band for epochs in parts for band in epochs["band"].tolist()}
