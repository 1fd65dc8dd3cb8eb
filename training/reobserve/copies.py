"""The copies of a survey's stars as one set of light curves, one for each band of each copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.filters import UGRIZY
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.data.stars_in_bands import COPY
from training.reobserve.cadence import Cadence
from training.reobserve.observe import Copy


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one star.

    Attributes
    ----------
    copies : tuple of (int, Copy)
        By their numbers.
    outcome : str
        Of `training.reobserve.reobserve.Reobserved`.
    period_d : float
        Of the model; NaN for none.
    """

    copies: tuple[tuple[int, Copy], ...]
    outcome: str
    period_d: float = math.nan


def assembled(
    survey: LabelledCurves, cadence: Cadence, first: NDArray[np.int64], made: Sequence[Made]
) -> LabelledCurves:
    """Make a light curve of each band of each copy.

    Parameters
    ----------
    survey : LabelledCurves
        The original.
    cadence : Cadence
        Of the survey that the stars are shown to.
    first : (m,) int64
        Of each star, the first of its light curves in the original.
    made : sequence of Made
        Of each star.
    """
    seen = [(star, each, number, copy) for star, each in enumerate(made) for number, copy in each.copies]
    size = np.array([copy.time.size for *_, copy in seen], np.int64)
    which = np.repeat(np.arange(len(seen)), size)
    band = np.concatenate([copy.band for *_, copy in seen])
    order = np.lexsort((np.arange(band.size), band, which))  # of each copy's band, still in order of time
    time, mag, err = (
        np.concatenate([getattr(copy, key) for *_, copy in seen])[order] for key in ("time", "mag", "err")
    )
    pair, counts = np.unique(which * len(UGRIZY) + band, return_counts=True)
    which, band = pair // len(UGRIZY), pair % len(UGRIZY)
    parents = first[np.array([star for star, *_ in seen])[which]]
    columns: dict[str, NDArray[Any]] = {key: value[parents] for key, value in survey.columns.items()}
    columns["band"] = np.array(UGRIZY)[band]
    for key in ("mean_mag", "reference_mag"):
        columns[key] = np.stack([getattr(copy, key) for *_, copy in seen])[which, band]
    of_copy = {
        COPY: [number for _, _, number, _ in seen],
        "copy_kind": [str(copy.kind) for *_, copy in seen],
        "model": [each.outcome for _, each, *_ in seen],
        "model_period": [each.period_d for _, each, *_ in seen],
    }
    columns |= {key: np.array(values)[which] for key, values in of_copy.items()}
    columns["parent"] = parents
    curves = LightCurves(time, mag, err, offsets_of(counts))
    return LabelledCurves(f"{survey.name}_as_{cadence.survey.name}", curves, columns)
