"""A star without noise in u g r i z y: its own curves where it was seen, the table of bands where not.

A star that was seen in g and in r, or in two bands that are near these, keeps both of its curves, at one
period and one origin of time. In any other band it has the curve of the nearest, larger or smaller and later
or earlier by what `training.reobserve.band_table` says of its class. The light of an outburst has the colour
that is told there, in whatever band the star was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.reobserve.aperiodic.choose_curve import KnownCurve, choose_curve
from training.reobserve.aperiodic.outburst_model import OutburstModel
from training.reobserve.band_table import BandTable, Drawn
from training.reobserve.choose_model import Model, choose_model, in_other_band
from training.reobserve.periodic_model import PeriodicModel

F8 = NDArray[np.float64]
Series = tuple[F8, F8, F8]

FEWEST_OF_A_FIT = 20
"""Points that a curve can be fitted to at all."""


@dataclass(frozen=True, slots=True)
class StarInBands:
    """A star without noise.

    Attributes
    ----------
    modes : tuple of tuple of (float, PeriodicModel)
        For each of its periods, none for a star that does not vary, the bands in which its curve is known, by
        their place among u g r i z y; all at the same period.
    walk : (float, RandomWalkModel or InterpolatedModel) or None
        In the place of modes, for a star that is not periodic.
    table : BandTable
        For the other bands.
    outbursts : (float, OutburstModel) or None
        In the place of both, for a star with outbursts.
    """

    modes: tuple[tuple[tuple[float, PeriodicModel], ...], ...]
    walk: tuple[float, KnownCurve] | None
    table: BandTable
    outbursts: tuple[float, OutburstModel] | None = None

    @property
    def period_d(self) -> float:
        """Period [d] of its first mode; NaN where it has none."""
        return self.modes[0][0][1].period_d if self.modes else math.nan

    def periodic(self, time: F8, band: NDArray[np.int8], phases: Sequence[float], drawn: Drawn) -> F8:
        """Magnitudes (n,) about the mean in their band, of the modes.

        Parameters
        ----------
        time : (n,) float64
            In days.
        band : (n,) int8
            Numbers in u g r i z y.
        phases : sequence of float
            Shift of each mode [cycles].
        drawn : Drawn
            What the copy is like.
        """
        mag = np.zeros(time.size)
        for number in np.unique(band):
            here = band == number
            for curves, phase in zip(self.modes, phases, strict=True):
                place, curve = nearest(curves, number)
                later = (self.table.delay(number) - self.table.delay(place)) / curve.cycles
                size = self.ratio(int(number), place, drawn)
                mag[here] += size * (curve.mag(time[here], phase - later) - curve.curve.mean())
        return mag

    def in_outburst(self, height: F8, quiescent: F8, band: NDArray[np.int8], drawn: Drawn) -> F8:
        """Magnitudes (n,) about quiescence in their band, of a star with outbursts.

        Parameters
        ----------
        height, quiescent : (n,) float64
            As `OutburstModel.simulate` has them.
        band : (n,) int8
            Numbers in u g r i z y.
        drawn : Drawn
            What the copy is like.

        Raises
        ------
        ValueError
            If the star has no outbursts.
        """
        if self.outbursts is None:
            raise ValueError("the star has no outbursts")
        place = self.outbursts[0]
        fainter = np.array([drawn.outburst_colour(number, place) for number in range(6)])[band]
        size = np.array([self.ratio(number, place, drawn) for number in range(6)])[band]
        added = 10.0 ** (-0.4 * fainter) * (10.0 ** (0.4 * height) - 1.0)
        return np.asarray(-2.5 * np.log10(10.0 ** (-0.4 * size * quiescent) + added))

    def ratio(self, number: int, place: float, drawn: Drawn) -> float:
        """Amplitude in a band over that of the curve that is known at a place; 1 where it is the same."""
        if number == place:
            return 1.0
        return float(drawn.scatter[number]) * self.table.amplitude(number) / self.table.amplitude(place)


def nearest(curves: Sequence[tuple[float, PeriodicModel]], number: int) -> tuple[float, PeriodicModel]:
    """Return place and curve of the known band that is nearest to a band, the bluer of two."""
    return min(curves, key=lambda each: (abs(each[0] - number), each[0]))


def model_star(
    bands: Sequence[tuple[float, Series]],
    table: BandTable,
    *,
    period_d: float,
    fewest_points: int,
    search: bool,
    double_mode: bool,
    aperiodic: bool = False,
    outbursts: bool = False,
) -> tuple[StarInBands | None, str]:
    """Return the star behind light curves, and the kind of its model, or None and why it has none.

    Parameters
    ----------
    bands : sequence of (float, (time, mag, err))
        Place of each band and its points, in any order of time.
    table : BandTable
        Of the star's class.
    period_d, search, double_mode
        See `choose_model`.
    fewest_points : int
        Of the light curve that decides.
    aperiodic : bool
        The star is known to have no period: it is not folded, whatever `period_d`, and none is looked for.
    outbursts : bool
        Such a star may have outbursts, see `training.reobserve.aperiodic.choose_curve`.
    """
    clean = [(place, _clean(series)) for place, series in bands]
    richest_first = sorted(clean, key=lambda each: (-each[1][0].size, each[0]))
    usable = [each for each in richest_first if each[1][0].size >= fewest_points]
    reason = "too few points"
    for place, series in usable:
        if aperiodic:
            curve, kind = choose_curve(*series, outbursts=outbursts)
            if curve is not None:
                return _without_period(place, curve, table), kind
            reason = kind if reason == "too few points" else reason
            continue
        model, kind = choose_model(*series, period_d=period_d, search=search, double_mode=double_mode)
        if model is not None:
            others = [each for each in richest_first if each[0] != place]
            return _with_others(place, model, others, table), kind
        reason = kind if reason == "too few points" else reason
    return None, reason


def _without_period(place: float, curve: KnownCurve | OutburstModel, table: BandTable) -> StarInBands:
    if isinstance(curve, OutburstModel):
        return StarInBands((), None, table, (place, curve))
    return StarInBands((), (place, curve), table)


def _clean(points: Series) -> Series:
    """Points in order of time with positive errors, one of each time."""
    time, mag, err = points
    usable = np.flatnonzero(np.isfinite(err) & (err > 0.0))
    first = usable[np.unique(time[usable], return_index=True)[1]]
    return time[first], mag[first], err[first]


def _with_others(
    place: float, model: Model, others: Sequence[tuple[float, Series]], table: BandTable
) -> StarInBands:
    """Add the curves of a star of one period in its other bands, where they show it."""
    if not isinstance(model, tuple):
        return StarInBands((), (place, model), table)
    if len(model) > 1:
        return StarInBands(tuple(((place, mode),) for mode in model), None, table)
    known = {place: model[0]}
    for other, series in others:
        if other not in known and series[0].size >= FEWEST_OF_A_FIT:
            curve = in_other_band(model[0], *series)
            if curve is not None:
                known[other] = curve
    return StarInBands((tuple(sorted(known.items())),), None, table)
