"""The labels that a model gives as it is served: how many, how many are right, and why there are none."""

from __future__ import annotations

from typing import Any

from schemas.model.manifest import Manifest
from training.data.truth import Truth
from training.measure.answers import Answers

CONFIDENT_PROBABILITY = 0.9


def labels_given(
    answers: Answers, truth: Truth, manifest: Manifest, *, fused: bool = False
) -> dict[str, Any]:
    """Hold the labels of n answers against the truth, at the limits of the model.

    Parameters
    ----------
    fused : bool
        Whether the answers are of several bands together, which have limits of their own.

    Returns
    -------
    dict
        Shares of all light curves: ``labelled``, ``abstained``, ``novel`` (None where the model says nothing
        of it), ``labelled_wrongly``, and ``confident_wrongly``, of a probability above .9. Of those that were
        scored, ``accuracy_of_scored`` of the most probable class, and of the labels, ``accuracy_of_labels``;
        None where there are none. ``abstain_below`` is the limit of most classes.
    """
    novelty = manifest.fused.get("novelty") if fused and manifest.fused else manifest.novelty
    abstain_below = manifest.fused["abstain_below"] if fused and manifest.fused else manifest.abstain_below
    novel_below = 0.0 if novelty is None else novelty["limit"]
    said = answers.verdicts(manifest.label_limits(fused=fused), novel_below)
    given, right, scored = said.given, truth.agrees(said.best), answers.scored
    wrong = given & ~right
    return {
        "abstain_below": abstain_below,
        "labelled": float(given.mean()),
        "accuracy_of_labels": float(right[given].mean()) if given.any() else None,
        "accuracy_of_scored": float(right[scored].mean()) if scored.any() else None,
        "abstained": float((scored & ~said.sure).mean()),
        "novel": None if novelty is None else float(said.novel.mean()),
        "labelled_wrongly": float(wrong.mean()),
        "confident_wrongly": float((wrong & (said.probability > CONFIDENT_PROBABILITY)).mean()),
    }
