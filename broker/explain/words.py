"""The words of an explanation, in which table, picture and description agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from broker.explain.explain_object import Why
from broker.state.star_series import ALL_BANDS
from features import FEATURE_NAMES, FEATURE_UNITS


class Line(NamedTuple):
    """What one feature adds.

    Attributes
    ----------
    feature, value, unit : str
        Its name, its value as it is shown, and the unit of that; '' for a ratio.
    added : float
        To the log-odds of the class.
    clipped : bool
        Whether it lies outside of what the model has learnt from, and was taken at the edge of that.
    """

    feature: str
    value: str
    unit: str
    added: float
    clipped: bool

    @property
    def measured(self) -> str:
        """The value with its unit, and a mark where it was clipped."""
        return f"{self.value} {self.unit}".strip() + ("*" if self.clipped else "")


CLIPPED = "* outside of the training range, taken at its edge"


def lines(why: Why) -> list[Line]:
    """Return what the features add, from those that speak most for the class to those most against it."""
    features, clipped = why.answer["features"], set(why.answer["out_of_range"])
    return [
        Line(
            name := FEATURE_NAMES[j],
            f"{features[name]:.4g}",
            FEATURE_UNITS.get(name, ""),
            float(why.shapley.values[j]),
            name in clipped,
        )
        for j in np.argsort(-why.shapley.values, kind="stable").tolist()
    ]


def heading(why: Why) -> str:
    """Say what the object was taken for, by how many epochs."""
    answer = why.answer
    where = "all bands" if why.band == ALL_BANDS else f"band {why.band}"
    when = f"after {answer['n_epochs']} epochs in {where}"
    if answer["label"] is not None:
        return f"{why.object_id} is {why.best} with probability {answer['probability']:.2f} {when}"
    return f"{why.object_id} may be {why.best} ({answer['probability']:.2f}), without a label, {when}"


def period(why: Why) -> str:
    """Say the period, and how probable it is to be right where that is known."""
    p_period = why.answer["p_period"]
    known = "how probable it is to be right is not known"
    if p_period is not None:
        known = f"right with probability {p_period:.2f}"
    return f"period {why.answer['features']['period']:.6g} d, {known}"


def balance(why: Why) -> str:
    """Say how the values add up."""
    shapley = why.shapley
    return (
        f"log-odds of {why.best}: {shapley.background_mean:+.2f} mean of {why.n_background} training stars, "
        f"{shapley.values.sum():+.2f} by the features, {shapley.answer:+.2f} in all"
    )


def precision(why: Why) -> str:
    """Say how much a value is, and how well it is known."""
    return f"0.7 doubles the odds; the values have standard errors up to {why.shapley.errors.max():.2f}"
