"""The explanation of one object: what was said of it, and what each feature added to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from broker.classify.annotation import RecordMaker
from broker.classify.annotator import score, score_together, why_not_fused
from broker.classify.classifier import Classifier, FusedScores, Scores
from broker.classify.reasons import explain
from broker.errors import ConfigError, VarstreamError
from broker.explain.find_object import Found
from broker.state.epochs import seen
from broker.state.light_curve import LightCurve, band_series
from broker.state.star_series import ALL_BANDS, joint_bands, star_series
from features import SURVEY_BANDS
from schemas.explanation.explainer import Explainer
from schemas.explanation.shapley import ShapleyValues


@dataclass(frozen=True, slots=True)
class Why:
    """Why an object got its label, or what is its most probable class.

    Attributes
    ----------
    survey, object_id, band : str
        What was scored, as in records.
    model : str
        Name and version.
    answer : mapping
        Fields of the record: ``label``, ``probability``, ``features``, ``p_period`` and others.
    best : str
        The most probable class, whose log-odds are explained.
    shapley : ShapleyValues
        Of the features, in their order.
    n_background : int
        Training stars that it is explained against.
    """

    survey: str
    object_id: str
    band: str
    model: str
    answer: Mapping[str, Any]
    best: str
    shapley: ShapleyValues
    n_background: int


def explain_object(found: Found, classifier: Classifier, explainer: Explainer, *, band: str | None) -> Why:
    """Score an object as the worker would, and explain its most probable class.

    Parameters
    ----------
    found : Found
        The object.
    classifier, explainer
        Of one model.
    band : str, optional
        A band, or ``"all"`` for all together; by default all together where the model answers so, and
        otherwise the band with most epochs.

    Raises
    ------
    ConfigError
        If there are no such epochs, or the model does not answer for all bands together.
    VarstreamError
        If it cannot be scored.
    """
    counts = _epochs_by_band(found.curve)
    fusable = classifier.fuses and bool(joint_bands(found.curve))
    name = f"{found.survey}:{found.object_id}"
    chosen = band or (ALL_BANDS if fusable else max(counts, key=counts.__getitem__, default=""))
    held = ", ".join(f"{count} in {each}" for each, count in counts.items()) or "none"
    manifest = classifier.manifest
    maker = RecordMaker(manifest, lambda _: "", priors=classifier.priors)
    scored: Scores | FusedScores
    terms: Mapping[str, Any] = {"min_epochs": classifier.min_epochs, "reliability": manifest.reliability}
    if chosen == ALL_BANDS:
        if not classifier.fuses:
            raise ConfigError(f"{name} cannot be asked about in all bands: {why_not_fused(classifier)}")
        if not fusable:
            raise ConfigError(f"{name} has no band with two epochs to put together; epochs: {held}")
        scored = score_together(classifier, [star_series(found.curve)])
        scores = scored.scores
        if manifest.fused is not None and not scored.one_band[0]:
            terms = manifest.fused
    else:
        if chosen not in counts:
            raise ConfigError(f"{name} has no epochs in band {chosen!r}; epochs: {held}")
        scored = scores = score(classifier, [band_series(found.curve, chosen)])
    answer = maker.answer(scores, 0, terms["reliability"], survey=found.survey)
    if not scores.scored[0]:
        raise VarstreamError(
            f"{name} is not scored in {'all bands' if chosen == ALL_BANDS else f'band {chosen}'}, so "
            f"there is nothing to explain: {', '.join(answer['status'])}; epochs that are used: "
            f"{answer['n_epochs']}, that {manifest.name} {manifest.version} asks for: {terms['min_epochs']}"
        )
    return Why(
        found.survey,
        found.object_id,
        chosen,
        f"{manifest.name} {manifest.version}",
        answer,
        manifest.classes[int(scores.verdicts.best[0])],
        explain(explainer, scored, 0),
        len(explainer.background),
    )


def _epochs_by_band(curve: LightCurve) -> dict[str, int]:
    """Return how many epochs count in each band that has some, in the order of `SURVEY_BANDS`."""
    letters, counts = np.unique(seen(curve.epochs)["band"], return_counts=True)
    found = {bytes(letter).decode("ascii"): int(n) for letter, n in zip(letters, counts, strict=True)}
    return {band: found[band] for band in SURVEY_BANDS if band in found}
