"""The labels that a model gives as it is served: how many, how many are right, and why there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from schemas.model.terms import limits_of
from schemas.model.verdict import Verdicts
from training.data.truth import Truth
from training.measure.answers import Answers

CONFIDENT_PROBABILITY = 0.9
"""A label above it is one to rely on."""


def labels_given(
    answers: Answers, truth: Truth, manifest: Manifest, *, fused: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """Hold the labels of n answers against the truth, at the limits of the model.

    Parameters
    ----------
    fused : (n,) bool, optional
        Which answers are of several bands together, and have limits of their own; none by default.

    Returns
    -------
    dict
        Shares of all light curves: ``labelled``, ``abstained`` (scored, and no class is probable enough),
        ``novel`` (None where the model says nothing of it), ``labelled_wrongly``, and ``confident_wrongly``,
        of a probability above .9. Of those that were scored, ``accuracy_of_scored`` of the most probable
        class, and of the labels, ``accuracy_of_labels``; None where there are none. ``abstain_below`` is the
        limit of most classes.
    """
    several = np.zeros(len(truth), np.bool_) if fused is None else fused
    of_fused = manifest.fused if several.any() else None
    limits, novel_below = limits_of(manifest, several)
    said = answers.verdicts(limits, novel_below)
    given, right, scored = said.given, truth.agrees(said.best), answers.scored
    wrong, sure_and_wrong = wrong_labels(said, right)
    return {
        "abstain_below": manifest.abstain_below if of_fused is None else of_fused["abstain_below"],
        "labelled": float(given.mean()),
        "accuracy_of_labels": float(right[given].mean()) if given.any() else None,
        "accuracy_of_scored": float(right[scored].mean()) if scored.any() else None,
        "abstained": float((scored & ~said.sure).mean()),
        "novel": float(said.novel.mean()) if novel_below.any() else None,
        "labelled_wrongly": float(wrong.mean()),
        "confident_wrongly": float(sure_and_wrong.mean()),
    }


def wrong_labels(said: Verdicts, right: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which light curves (n,) have a wrong label, and which one of a high probability.

    Parameters
    ----------
    right : (n,) bool
        Whether the most probable class of each is right.
    """
    wrong = said.given & ~right
    return wrong, wrong & (said.probability > CONFIDENT_PROBABILITY)
