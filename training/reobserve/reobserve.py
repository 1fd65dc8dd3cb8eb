"""Labelled stars of one survey as another would have seen them.

Well-observed surveys have tens of thousands of labelled light curves, the streams hardly any. Each star's
light curve is replaced by a smooth one that has no noise; this is looked at at the times of another survey,
moved to a magnitude that survey can see, and given its noise:

1. A star with a period, from the catalogue or found by `features.extract`, becomes the curve of its
   folded points (`training.reobserve.periodic_model`); a double-mode star the sum of two such curves.
2. Where that fails or the star is slow and not strict, as long-period variables and quasars are, its own
   light curve is interpolated (`training.reobserve.random_walk_model`), and looked at only where it is known:
   seasons are not filled.
3. Stars for which neither reproduces the light curve are left out, and so is a copy with too few epochs or
   without an alert: a star comes into a stream only by one.

Not modelled: the shape and amplitude in another filter, changes from cycle to cycle that a fold averages out,
weather and Moon other than in the gaps, blends, and false detections.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.errors import SettingsError, TrainingError
from training.progress import QUIET, Bars
from training.reobserve.cadence import Cadence
from training.reobserve.choose_model import Model, choose_model
from training.reobserve.observe import Copy, observe

F8 = NDArray[np.float64]

NO_COPY = "seen too seldom"
"""What becomes of a star none of whose copies has enough epochs, or an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reobservation:
    """How stars are re-observed.

    Attributes
    ----------
    copies : int
        Light curves of each star.
    detections_share : float
        Of the copies, only the epochs with an alert; of the others, all visits.
    fewest_points : int
        Of an original light curve.
    fewest_epochs : int
        Of a copy.
    search_periods : bool
        Find the periods that the catalogue lacks; ten times slower for those stars.
    """

    copies: int = 1
    detections_share: float = 0.5
    fewest_points: int = 40
    fewest_epochs: int = MIN_POINTS
    search_periods: bool = True

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises
        ------
        SettingsError
            If a value is out of range.
        """
        for key, low, high in (
            ("copies", 1, math.inf),
            ("detections_share", 0, 1),
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
        The m copies: the columns of the original, its band replaced, and `parent` (number of the star in
        the original), `copy`, `detections_only` (bool), `model` ("folded", "two modes", "smoothed" or
        "constant"), `model_period` [d], `mean_mag` and `reference_mag`.
    outcome : (n,) str
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
    double_mode: NDArray[np.bool_] | None = None,
    constant: NDArray[np.bool_] | None = None,
    progress: Bars = QUIET,
) -> Reobserved:
    """Show the stars of a survey to another.

    Parameters
    ----------
    survey : LabelledCurves
        With a column `period` [d] if there are periods; NaN where not.
    cadence : Cadence
        Of the other survey.
    seed : int
        A star's copies depend on this and on its number, on no other star.
    settings : Reobservation
        How many and which copies.
    double_mode : (n,) bool, optional
        Stars known to have two periods; left out if only one is found.
    constant : (n,) bool, optional
        Stars known not to vary: they need no alert, and all their visits are kept.
    progress : Bars
        Where to show how far it is.

    Raises
    ------
    TrainingError
        If no star can be re-observed.
    """
    n = len(survey.curves)
    two = np.zeros(n, np.bool_) if double_mode is None else double_mode
    still = np.zeros(n, np.bool_) if constant is None else constant
    outcome = np.full(n, "", dtype="U24")
    parents: list[int] = []
    copies: list[int] = []
    made: list[tuple[Copy, str, float]] = []
    with progress.bar(f"{survey.name} as {cadence.survey.name}", n) as advance:
        for star in range(n):
            before = len(made)
            model, outcome[star] = _model_of(
                survey, star, settings, constant=still[star], double_mode=two[star]
            )
            if model is not None:
                for copy in range(settings.copies):
                    rng = np.random.default_rng([seed, star, copy])
                    seen = observe(
                        model,
                        cadence,
                        rng=rng,
                        fewest_epochs=settings.fewest_epochs,
                        detections_share=settings.detections_share,
                        needs_alert=not still[star],
                    )
                    if seen is not None:
                        parents.append(star)
                        copies.append(copy)
                        made.append((seen, str(outcome[star]), _period_of(model)))
                if len(made) == before:
                    outcome[star] = NO_COPY
            advance(1)
    if not made:
        raise TrainingError(
            f"no star of {survey.name} can be re-observed as {cadence.survey.name}: "
            f"{', '.join(sorted(set(outcome.tolist())))}; give stars that vary more or are better observed"
        )
    return Reobserved(_assembled(survey, cadence, np.array(parents), np.array(copies), made), outcome)


def _model_of(
    survey: LabelledCurves, star: int, settings: Reobservation, *, constant: bool, double_mode: bool
) -> tuple[Model | None, str]:
    if constant:
        return (), "constant"
    time, mag, err = _clean(survey.curves.pick(star))
    if time.size < settings.fewest_points:
        return None, "too few points"
    period = float(survey.columns["period"][star]) if "period" in survey.columns else math.nan
    return choose_model(
        time, mag, err, period_d=period, search=settings.search_periods, double_mode=double_mode
    )


def _clean(points: tuple[F8, F8, F8]) -> tuple[F8, F8, F8]:
    """Points in order of time with positive errors, one of each time."""
    time, mag, err = points
    usable = np.flatnonzero(np.isfinite(err) & (err > 0.0))
    first = usable[np.unique(time[usable], return_index=True)[1]]
    return time[first], mag[first], err[first]


def _assembled(
    survey: LabelledCurves,
    cadence: Cadence,
    parents: NDArray[np.int64],
    copies: NDArray[np.int64],
    made: Sequence[tuple[Copy, str, float]],
) -> LabelledCurves:
    seen = [copy for copy, _, _ in made]
    counts = np.array([copy.time.size for copy in seen], dtype=np.int64)
    time, mag, err = (np.concatenate([getattr(copy, key) for copy in seen]) for key in ("time", "mag", "err"))
    curves = LightCurves(time, mag, err, offsets_of(counts))
    columns: dict[str, NDArray[Any]] = {key: value[parents] for key, value in survey.columns.items()}
    for key in ("band", "detections_only", "mean_mag", "reference_mag"):
        columns[key] = np.array([getattr(copy, key) for copy in seen])
    columns.update(
        parent=parents,
        copy=copies,
        model=np.array([kind for _, kind, _ in made]),
        model_period=np.array([period for _, _, period in made]),
    )
    return LabelledCurves(f"{survey.name}_as_{cadence.survey.name}", curves, columns)


def _period_of(model: Model) -> float:
    return model[0].period_d if isinstance(model, tuple) and model else math.nan
