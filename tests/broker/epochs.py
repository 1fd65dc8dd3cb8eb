"""Epochs and alerts made by hand, for tests of what happens to them after decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.alert import EPOCH, FORCED, Alert
from broker.state.light_curve import BandSeries, LightCurve

NO_IDS = np.empty(0, np.int64)


def epoch(
    source_id: int,
    *,
    exposure: int | None = None,
    mjd: float | None = None,
    mag: float = 15.0,
    mag_err: float = 0.01,
    correction_s: float = 0.0,
    band: str = "g",
) -> NDArray[np.void]:
    """One epoch; by default in an exposure and at a time of its own."""
    row = np.zeros(1, EPOCH)
    row["source_id"] = source_id
    row["exposure"] = source_id if exposure is None else exposure
    row["mjd"] = 59_000.0 + source_id if mjd is None else mjd
    row["mag"], row["mag_err"], row["time_correction_s"], row["band"] = mag, mag_err, correction_s, band
    return row


def forced_epoch(
    exposure: int,
    *,
    kind: int = FORCED,
    judged: int = 0,
    offset: int = 10,
    withdrawn: bool = False,
    **more: Any,
) -> NDArray[np.void]:
    """Forced photometry of an exposure, as ZTF's unless it says when its alert was (`judged`)."""
    row = epoch(0, exposure=exposure, **({"mjd": 59_000.0 + exposure} | more))
    row["source_id"], row["kind"], row["offset"], row["withdrawn"] = judged, kind, offset, withdrawn
    return row


def made_series(band: str, time: Any, mag: Any, mag_err: Any) -> BandSeries:
    """Band of a light curve of detections, at these times [d] wherever they were seen from."""
    n = len(time)
    return BandSeries(band, time, mag, mag_err, np.zeros(n, bool), np.arange(n), time)


def curve_of(*source_ids: int) -> LightCurve:
    """Light curve of one band with these epochs."""
    return LightCurve(np.concatenate([epoch(source_id) for source_id in source_ids]))


def alert(
    detection: NDArray[np.void],
    *history: NDArray[np.void],
    withdrawn: NDArray[np.int64] = NO_IDS,
    object_id: str = "star",
    forced: Sequence[NDArray[np.void]] = (),
    forced_wins: bool = False,
) -> Alert:
    """Alert of one object with the given past."""
    return Alert(
        survey="ztf",
        object_id=object_id,
        time_scale="UTC",
        ra=10.0,
        dec=20.0,
        detection=detection,
        history=np.concatenate(history) if history else np.empty(0, EPOCH),
        withdrawn=withdrawn,
        history_rows={"used": len(history)},
        forced=np.concatenate(forced) if forced else np.empty(0, EPOCH),
        forced_wins=forced_wins,
    )
