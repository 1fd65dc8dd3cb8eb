"""Answers by the days since a star's first epoch, as one answer a star: how soon a stream knows its stars.

Classes are taken together as those of the classifier of light curves of ALeRCE are, Sanchez-Saez et al.
(2021), doi:10.3847/1538-3881/abd5c1, so that the mean of their F1 can be held against what is published of
it. Of its classes of variable stars YSO is in none of ours, and Periodic-Other leaves ours open. Stars of our
other classes are asked about too: they have no F1, but count against a class that they are taken for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.artifact import Artifact
from schemas.model.taxonomy.foreign_names import read_taxonomy
from schemas.model.verdict import OTHER
from training.data.labels import CLASS_SEPARATOR
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.data.stars_in_bands import stars_in_bands
from training.data.truth import Truth
from training.measure.asked import Asked, ask
from training.measure.metrics import class_scores, confusion_matrix

I8 = NDArray[np.int64]

DAYS = (16, 32, 64, 128, 256, 512, 1024)
GROUPS = ("RRL", "CEP", "DSCT", "E", "LPV", "QSO", "CV/Nova")
"""Names of ALeRCE, by `schemas.model.taxonomy`; QSO stands for its AGN and Blazar as well."""

RESAMPLES = 200


def by_days(
    artifact: Artifact, survey: LabelledCurves, truth: Truth, *, days: Sequence[int] = DAYS, workers: int
) -> dict[str, Any]:
    """Ask about the epochs of each star until so many days after its first, in whatever band.

    One answer a star: the most probable class, whether it is a label or not, of all bands together, else of
    the band with most epochs. A star that cannot be scored yet counts as missed.

    Parameters
    ----------
    truth : Truth
        Of the light curves. Left out are stars in none of our classes, and those whose label leaves open in
        which of `GROUPS` they are.

    Returns
    -------
    dict
        By number of days: ``n_stars``, ``n_scored``; ``f1`` of each group that has stars, their ``mean_f1``
        and its ``error``, from resampling the stars of each. Empty where no star is of a group.
    """
    classes = artifact.manifest.classes
    member = _members(classes)
    of_class = np.where(member.any(axis=0), member.argmax(axis=0), len(GROUPS))
    within_one = np.array([len({*of_class[row].tolist()}) == 1 for row in truth.allowed])
    group = of_class[truth.first]
    in_class = np.array([name != OTHER for name in classes])[truth.first]
    chosen = np.flatnonzero(within_one & in_class)
    if not (group[chosen] < len(GROUPS)).any():
        return {}
    survey, group = survey.take(chosen), group[chosen]
    star = stars_in_bands(survey).star
    of_star = group[np.unique(star, return_index=True)[1]]
    said: dict[str, Any] = {}
    for count in days:
        asked = ask(artifact, until(survey, star, float(count)), workers=workers)
        best = one_a_star(asked, survey, star)
        predicted = np.append(of_class, len(GROUPS))[best]
        said[str(count)] = {
            "n_stars": len(of_star),
            "n_scored": int((best < len(classes)).sum()),
            **_scores(of_star, predicted),
        }
    return said


def until(survey: LabelledCurves, star: I8, days: float) -> LabelledCurves:
    """Keep the points until so many days after the first of the star (n,) that each light curve is of."""
    curves = survey.curves
    counts = np.diff(curves.offsets)
    of_point = np.repeat(star, counts)
    first = np.full(int(star.max()) + 1, np.inf)
    np.minimum.at(first, of_point, curves.time)
    kept = curves.time <= first[of_point] + days
    n_kept = np.bincount(np.repeat(np.arange(len(counts)), counts)[kept], minlength=len(counts))
    cut = LightCurves(curves.time[kept], curves.mag[kept], curves.err[kept], offsets_of(n_kept))
    return replace(survey, curves=cut)


def one_a_star(asked: Asked, survey: LabelledCurves, star: I8) -> I8:
    """Return the most probable class of each star (s,); the number of classes where none was scored."""
    n_classes = asked.answers.probabilities.shape[1]
    n_epochs = np.where(asked.answers.scored, np.diff(survey.curves.offsets), -1)
    order = np.lexsort((n_epochs, star))  # of several light curves of a star the last one stays
    result = np.full(int(star.max()) + 1, n_classes)
    result[star[order]] = np.where(asked.answers.scored, asked.answers.predicted, n_classes)[order]
    fused = asked.fused.scored
    result[star[asked.first[fused]]] = asked.fused.predicted[fused]
    return result


def _members(classes: Sequence[str]) -> NDArray[np.bool_]:
    """Which classes (g, k) are in which group."""
    meanings = read_taxonomy().schemes["alerce"].meanings
    return np.array(
        [[name in meanings[group].split(CLASS_SEPARATOR) for name in classes] for group in GROUPS]
    )


def _scores(truth: I8, predicted: I8) -> dict[str, Any]:
    there = np.unique(truth[truth < len(GROUPS)])
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(truth == each) for each in np.unique(truth)]
    drawn = [
        _mean_f1(truth[rows], predicted[rows], there)[0]
        for rows in (np.concatenate([rng.choice(of, len(of)) for of in groups]) for _ in range(RESAMPLES))
    ]
    mean, f1 = _mean_f1(truth, predicted, there)
    return {"mean_f1": mean, "error": float(np.std(drawn, ddof=1)), "f1": f1}


def _mean_f1(truth: I8, predicted: I8, there: I8) -> tuple[float, dict[str, float]]:
    scores = class_scores(confusion_matrix(truth, predicted, len(GROUPS) + 1))
    f1 = {GROUPS[number]: scores[number].f1 or 0.0 for number in there.tolist()}
    return float(np.mean([*f1.values()])), f1
