"""Labelled stars of one survey as another would have seen them.

Well-observed surveys have tens of thousands of labelled light curves, the streams hardly any. The light
curves of each star are replaced by smooth ones without noise; these are looked at at the times of another
survey, in all of its bands, moved to a magnitude that survey can see, and given its noise:

1. A star with a period, from the catalogue or found by `features.extract`, becomes the curve of its folded
   points (`training.reobserve.periodic_model`); a double-mode star the sum of two such curves. Of a star that
   was seen in two bands both curves are kept, at one period.
2. Where that fails or the star is slow and not strict, as long-period variables and quasars are, its own
   light curve is interpolated (`training.reobserve.aperiodic.random_walk_model`), and looked at only where it
   is known: seasons are not filled.
3. A star of a class without a period (`training.surveys.classes.APERIODIC`), or of no class
   (`schemas.model.verdict.OTHER`), is never folded and its period never looked for. It is interpolated as
   above, or, where the random walk does not stand for it, from night to night. Cataclysmic variables with a
   quiescence have outbursts simulated (`training.reobserve.aperiodic`).
4. In bands in which it was not seen a star has the curve of the nearest band, by the table of its class
   (`training.reobserve.star_in_bands`).
5. A copy has the epochs with an alert, or these with forced photometry, or all (`training.reobserve.epochs`).
6. Stars for which no model reproduces the light curve are left out, and so is a copy with too few epochs or
   without an alert: a star comes into a stream only by one.

Not modelled: the shape in another filter but for amplitude and lag, changes from cycle to cycle that a fold
averages out, weather and Moon other than in the gaps, blends, and false detections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS
from schemas.model.verdict import OTHER
from training.data.light_curves import LabelledCurves
from training.data.stars_in_bands import StarsInBands, stars_in_bands
from training.errors import SettingsError, TrainingError
from training.examples.cached_pool import in_turn
from training.progress import QUIET, Bars
from training.reobserve.band_table import PLACES, UNKNOWN_PLACE, table_of
from training.reobserve.cadence import Cadence
from training.reobserve.copies import Made, assembled
from training.reobserve.observe import observe
from training.reobserve.star_in_bands import StarInBands, model_star
from training.surveys.classes import APERIODIC, CATACLYSMIC

F8 = NDArray[np.float64]

NO_COPY = "seen too seldom"
"""What becomes of a star none of whose copies has enough epochs, or an alert."""

STARS_A_TASK = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reobservation:
    """How stars are re-observed.

    Attributes
    ----------
    copies : int
        Light curves of each star.
    alerts_share, forced_share : float
        Of the copies, those with alerts only, and those with alerts and forced photometry; the others have
        all visits.
    fewest_points : int
        Of the light curve that a star is known by.
    fewest_epochs : int
        Of a copy, in all bands together.
    search_periods : bool
        Find the periods that the catalogue lacks; ten times slower for those stars.
    main_strategy : bool
        Show all stars by the first strategy of the survey, its wide or public one, and none by the others.
    """

    copies: int = 1
    alerts_share: float = 0.25
    forced_share: float = 0.5
    fewest_points: int = 40
    fewest_epochs: int = MIN_POINTS
    search_periods: bool = True
    main_strategy: bool = False

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises
        ------
        SettingsError
            If a value is out of range.
        """
        for key, low, high in (
            ("copies", 1, math.inf),
            ("alerts_share", 0, 1),
            ("forced_share", 0, 1 - self.alerts_share),
            ("fewest_points", 20, math.inf),
            ("fewest_epochs", 1, math.inf),
        ):
            value = getattr(self, key)
            if not low <= value <= high:
                raise SettingsError(f"reobservation.{key} must be from {low} to {high}, got {value}")


@dataclass(frozen=True, slots=True)
class Reobserved:
    """Copies of a survey's stars.

    Attributes
    ----------
    survey : LabelledCurves
        A light curve for every band of every copy: the columns of the original, its band replaced, and
        `parent` (the star's first light curve in the original), `copy`, `copy_kind`
        (`training.reobserve.epochs.CopyKind`), `model` ("folded", "two modes", "smoothed", "interpolated",
        "outbursts" or "constant"), `model_period` [d], and `mean_mag` and `reference_mag` in the band.
    outcome : (m,) str
        For each star of the original, its model, or why there is no copy of it.
    """

    survey: LabelledCurves
    outcome: NDArray[np.str_]


def reobserve(
    survey: LabelledCurves,
    cadence: Cadence,
    *,
    seed: int,
    settings: Reobservation,
    meaning: NDArray[np.str_] | None = None,
    double_mode: NDArray[np.bool_] | None = None,
    constant: NDArray[np.bool_] | None = None,
    workers: int = 1,
    progress: Bars = QUIET,
) -> Reobserved:
    """Show the stars of a survey to another.

    Parameters
    ----------
    survey : LabelledCurves
        Of n light curves, with a column `period` [d] if there are periods; NaN where not.
    cadence : Cadence
        Of the other survey.
    seed : int
        A star's copies depend on this and on its number, on no other star.
    settings : Reobservation
        How many and which copies.
    meaning : (n,) str, optional
        Class of each light curve's star, or several joined by ``|``: how it differs from band to band, and
        whether it has a period.
    double_mode : (n,) bool, optional
        Stars known to have two periods; left out if only one is found.
    constant : (n,) bool, optional
        Stars known not to vary: they need no alert, and all their visits are kept.
    workers : int
        Threads; the copies do not depend on it.
    progress : Bars
        Where to show how far it is.

    Raises
    ------
    TrainingError
        If no star can be re-observed.
    """
    n = len(survey.curves)
    stars = stars_in_bands(survey)
    work = _Work(
        survey,
        stars,
        cadence.by_main_strategy() if settings.main_strategy else cadence,
        seed,
        settings,
        np.full(n, "") if meaning is None else meaning,
        np.zeros(n, np.bool_) if double_mode is None else double_mode,
        np.zeros(n, np.bool_) if constant is None else constant,
    )
    made: list[Made] = []
    with progress.bar(f"{survey.name} as {cadence.survey.name}", len(stars)) as advance:
        starts = range(0, len(stars), STARS_A_TASK)
        tasks = (range(start, min(start + STARS_A_TASK, len(stars))) for start in starts)
        for part in in_turn((partial(work.all_of, task) for task in tasks), workers):
            made += part
            advance(len(part))
    outcome = np.array([each.outcome for each in made], np.str_)
    if not any(each.copies for each in made):
        raise TrainingError(
            f"no star of {survey.name} can be re-observed as {cadence.survey.name}: "
            f"{', '.join(sorted(set(outcome.tolist())))}; give stars that vary more or are better observed"
        )
    return Reobserved(assembled(survey, cadence, stars.first, made), outcome)


@dataclass(frozen=True, slots=True)
class _Work:
    """All that the copies of a star depend on; fields as the arguments of `reobserve`."""

    survey: LabelledCurves
    stars: StarsInBands
    cadence: Cadence
    seed: int
    settings: Reobservation
    meaning: NDArray[np.str_]
    double_mode: NDArray[np.bool_]
    constant: NDArray[np.bool_]

    def all_of(self, stars: range) -> list[Made]:
        """Re-observe some of the stars."""
        return [self.one(star) for star in stars]

    def one(self, star: int) -> Made:
        """Re-observe a star."""
        first = int(self.stars.curves_of(star).min())
        model, outcome = self._model_of(star, first)
        if model is None:
            return Made((), outcome)
        copies = []
        for copy in range(self.settings.copies):
            seen = observe(
                model,
                self.cadence,
                rng=np.random.default_rng([self.seed, star, copy]),
                fewest_epochs=self.settings.fewest_epochs,
                shares=(self.settings.alerts_share, self.settings.forced_share),
                needs_alert=not self.constant[first],
            )
            if seen is not None:
                copies.append((copy, seen))
        return Made(tuple(copies), outcome if copies else NO_COPY, model.period_d)

    def _model_of(self, star: int, first: int) -> tuple[StarInBands | None, str]:
        meaning = str(self.meaning[first])
        table = table_of(meaning)
        if self.constant[first]:
            return StarInBands((), None, table), "constant"
        curves = self.stars.curves_of(star)
        bands = [self.stars.band[curve] for curve in curves]
        names = [self.stars.names[band] if band >= 0 else "" for band in bands]
        places = [PLACES.get(name, UNKNOWN_PLACE) for name in names]
        periods = self.survey.columns.get("period", np.full(len(self.survey.curves), math.nan))[curves]
        return model_star(
            [(place, self.survey.curves.pick(curve)) for place, curve in zip(places, curves, strict=True)],
            table,
            period_d=next((float(period) for period in periods if period > 0.0), math.nan),
            fewest_points=self.settings.fewest_points,
            search=self.settings.search_periods,
            double_mode=bool(self.double_mode[first]),
            aperiodic=meaning in (*APERIODIC, OTHER),
            outbursts=meaning == CATACLYSMIC,
        )
