"""Points of light curves that are given as arrays, with or without units."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from training.data.bad_points import RULES, say_once, unusable
from training.data.filters import stand_for_all
from training.data.light_curves import SERIES, LabelledCurves, LightCurves, offsets_of
from training.data.times import check_times
from training.data.units import days_of, factor_of
from training.errors import SettingsError, TrainingError

F8 = NDArray[np.float64]
Curve = tuple[ArrayLike, ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]
Curves = Iterable[Curve] | Mapping[Hashable, Curve] | LightCurves | LabelledCurves

MENDED = ": leave such points out, or make them NaN"
"""What can be done about single points."""


def gather(light_curves: Curves) -> tuple[pd.Index, LabelledCurves]:
    """Return the names of the light curves, and in one piece all points that have a time and a magnitude.

    A star whose points are of several bands gives several light curves, with its number as their `object_id`.

    Raises
    ------
    SettingsError
        If a light curve is not three arrays of one length, or four with the bands, or one is called ``all``.
    TrainingError
        If a point is no measurement, or the times are in another unit or too coarse.
    """
    if isinstance(light_curves, LabelledCurves):  # as it was read: its points are looked through
        ids = light_curves.columns.get("object_id")
        n = len(light_curves.curves)
        return (pd.RangeIndex(n) if ids is None else _index(ids)), _with_ids(light_curves)
    single = False
    columns: dict[str, NDArray[Any]] = {}
    if isinstance(light_curves, LightCurves):
        index, curves = pd.RangeIndex(len(light_curves)), light_curves
    else:
        named = isinstance(light_curves, Mapping)
        pairs = list(light_curves.items() if isinstance(light_curves, Mapping) else enumerate(light_curves))
        stars = [_by_band(name, curve) for name, curve in pairs]
        star = np.repeat(np.arange(len(pairs)), [len(each) for each in stars])
        index = _index([name for name, _ in pairs]) if named else pd.RangeIndex(len(pairs))
        index = index if len(star) == len(pairs) else index.take(star)
        series = [points for each in stars for _, points in each]
        time, mag, err = (np.concatenate([np.empty(0), *(each[i] for each in series)]) for i in range(3))
        single = bool(series) and all(each[3] for each in series)
        curves = LightCurves(
            time, mag, err, offsets_of(np.array([len(each[0]) for each in series], np.int64))
        )
        bands = np.array([band for each in stars for band, _ in each], np.str_)
        columns = {"object_id": star.astype(np.str_), "band": bands}
    curves = _informative(index, curves)
    order = np.lexsort((curves.time, np.repeat(np.arange(len(curves)), curves.n_epochs)))
    in_order = replace(curves, time=curves.time[order])
    names = np.array([str(name) for name in index], dtype=np.str_)
    check_times("the light curves", in_order, names, say_once, single=single, refuse=single)
    return index, _with_ids(LabelledCurves("light curves", curves, columns))


def _with_ids(survey: LabelledCurves) -> LabelledCurves:
    """Give light curves without names their numbers as such."""
    if "object_id" in survey.columns:
        return survey
    numbers = np.arange(len(survey.curves)).astype(np.str_)
    return replace(survey, columns={**survey.columns, "object_id": numbers})


def _index(names: Sequence[Hashable] | NDArray[Any]) -> pd.Index:
    index = pd.Index(names)
    return index.rename("object_id") if index.nlevels == 1 else index  # pairs, such as star and band, are two


def _by_band(name: object, curve: object) -> list[tuple[str, tuple[F8, F8, F8, bool]]]:
    """Return the points of each band of a star; of one band without a name where none is told."""
    try:
        parts = list(curve)  # type: ignore[call-overload] # what cannot be walked through is told below
    except TypeError:
        parts = []
    if len(parts) != 4:
        return [("", _points(name, curve))]
    band = np.asarray(parts[3])
    texts = np.array(["" if pd.isna(each) else str(each) for each in band.ravel().tolist()], np.str_)
    if band.ndim != 1 or len(texts) != np.size(parts[0]) or (texts == "").any():
        raise SettingsError(
            f"light curve {name!r}: the fourth array must name the band of each of its {np.size(parts[0])} "
            f"points, such as 'g', got {band.shape} with {(texts == '').sum()} empty"
        )
    if stand_for_all(texts).any():
        raise SettingsError(
            f"light curve {name!r}: the band {str(texts[stand_for_all(texts)][0])!r} stands for all bands of "
            "a star together: give it another name"
        )
    told = np.unique(texts).tolist() or [""]
    return [(each, _points(name, [_of_band(part, texts == each) for part in parts[:3]])) for each in told]


def _of_band(part: Any, chosen: NDArray[np.bool_]) -> Any:
    """Points of one band of an array of any kind."""
    if isinstance(part, pd.Series | pd.Index):
        return part[chosen]
    return part[chosen] if hasattr(part, "dtype") or hasattr(part, "mjd") else np.asarray(part)[chosen]


def _points(name: object, curve: object) -> tuple[F8, F8, F8, bool]:
    """Return the points of one light curve that have a time and a magnitude; whether times are single."""
    what = f"light curve {name!r}"
    try:
        parts = list(curve)  # type: ignore[call-overload] # what cannot be walked through is told below
        time, mag, err = (
            _plain(key, part, f"{what}: {key}") for key, part in zip(SERIES, parts, strict=True)
        )
    except (TypeError, ValueError) as exc:
        raise SettingsError(
            f"{what} must be three arrays of numbers (time, mag, err): {exc}; a single one goes in a list, a "
            "fourth array names the bands"
        ) from exc
    if not time.ndim == mag.ndim == err.ndim == 1 or not len(time) == len(mag) == len(err):
        raise SettingsError(
            f"{what}: time, mag and err must be 1-d and of one length, "
            f"got {time.shape}, {mag.shape} and {err.shape}"
        )
    kept = np.isfinite(time) & np.isfinite(mag)
    return time[kept], mag[kept], err[kept], _is_single(parts[0])


def _plain(key: str, part: Any, what: str) -> F8:
    """Return an array in days or magnitudes, by the unit that it brings; NaN where it is masked.

    What has a unit or a scale is known by its looks, so that none of its packages is needed.
    """
    if isinstance(part, list | tuple) and part and isinstance(part[0], np.generic):
        part = np.asarray(part)  # with the unit that its dates have
    kind = getattr(part, "dtype", None)
    if getattr(kind, "kind", "") == "c":
        raise TypeError(f"{key} holds complex numbers")
    if isinstance(kind, pd.DatetimeTZDtype) or getattr(kind, "kind", "") in ("M", "m"):
        return _days(key, part, what)
    if isinstance(part, pd.Series | pd.Index):
        return _filled(part.to_numpy(dtype=np.float64, na_value=np.nan), None)
    mask = getattr(part, "mask", None)
    if hasattr(part, "mjd") and hasattr(part, "scale"):  # moments of astropy.time
        if key != "time":
            raise TrainingError(f"{what} holds times: give magnitudes")
        return _filled(part.mjd, mask)
    unit = getattr(part, "unit", None)
    if unit is None and hasattr(part, "magnitude") and hasattr(part, "units"):
        return _filled(part.magnitude, mask) * factor_of(key, str(part.units), what)
    if unit is None and hasattr(part, "to_value"):  # differences of times, in days of 86400 s
        return _filled(part.to_value("jd"), mask)
    if unit is not None:
        return _filled(getattr(part, "value", part), mask) * factor_of(key, str(unit), what)
    return _filled(part, mask)


def _days(key: str, part: Any, what: str) -> F8:
    if key != "time":
        raise TrainingError(f"{what} holds dates or durations: give magnitudes")
    if isinstance(part, np.ndarray):
        return _filled(days_of(np.ma.getdata(part)), getattr(part, "mask", None))
    if part.dtype.kind == "m":
        return days_of(pd.TimedeltaIndex(part).to_numpy())
    return (
        days_of(pd.DatetimeIndex(part).tz_convert(None).to_numpy())
        if _has_zone(part)
        else days_of(pd.DatetimeIndex(part).to_numpy())
    )


def _has_zone(part: Any) -> bool:
    return pd.DatetimeIndex(part).tz is not None


def _filled(part: Any, mask: Any) -> F8:
    bare = np.ma.asarray(getattr(part, "unmasked", part), dtype=np.float64)
    values = np.array(np.ma.filled(bare, np.nan), np.float64)
    if mask is not None and np.shape(mask) == values.shape:
        values[np.asarray(mask, np.bool_)] = np.nan
    return values


def _is_single(part: Any) -> bool:
    kind = getattr(part, "dtype", None)
    return getattr(kind, "kind", "") == "f" and getattr(kind, "itemsize", 8) < 8


def _informative(index: pd.Index, curves: LightCurves) -> LightCurves:
    """Refuse points that are no measurement; leave out those whose errors say that they tell nothing.

    Errors that are no positive numbers are mended with the features.
    """
    curve = np.repeat(np.arange(len(curves)), curves.n_epochs)
    broken = unusable(curves.time, curves.mag, curves.err, curve)
    for reason in ("time scale", "stray time", "mag", "mag 0"):
        if broken[reason].any():
            row = int(broken[reason].argmax())
            point = row - int(curves.offsets[curve[row]])
            key, wanted = RULES[reason]
            value = getattr(curves, key)[row]
            what = f"magnitude {value:g}" if key == "mag" else f"{key} {value:.10g}"
            raise TrainingError(
                f"light curve {index[curve[row]]!r}: {what} of point {point} is no "
                f"measurement, it {wanted}{'' if reason == 'time scale' else MENDED}"
            )
    large = broken["large err"] | (curves.err == np.inf)
    if not large.any():
        return curves
    first = index[curve[int(large.argmax())]]
    say_once(
        f"the light curves: {large.sum()} points left out, the first of light curve {first!r}: err "
        f"{RULES['large err'].wanted}"
    )
    counts = np.bincount(curve[~large], minlength=len(curves))
    return LightCurves(curves.time[~large], curves.mag[~large], curves.err[~large], offsets_of(counts))
