"""The reasons for a label: which features of a band, or of a star, speak for it and which against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from broker.classify.classifier import Classifier, FusedScores, Scores, load_classifier
from broker.errors import ConfigError
from broker.settings.config import ModelConfig
from features import FEATURE_NAMES
from schemas.explanation.background import read_background
from schemas.explanation.explainer import FULL, OF_A_RECORD, Effort, Explainer, speaking
from schemas.explanation.shapley import ShapleyValues
from schemas.model.manifest import ManifestError
from schemas.model.shipped import find_model


def load_explainers(config: ModelConfig, classifiers: Mapping[str, Classifier]) -> dict[str, Explainer]:
    """Load what explains the answers of the classifiers of surveys, which were loaded by the same settings.

    Raises
    ------
    ConfigError
        If one of the models came without a background to explain against.
    """
    return {survey: _explainer(classifiers[survey], name) for survey, name in config.named.items()}


def load_with_explainer(named: str | Path) -> tuple[Classifier, Explainer]:
    """Load a model by its folder or name, and what explains its answers.

    Raises
    ------
    ConfigError
        If there is no such model, it cannot be served, or it came without a background.
    """
    classifier = load_classifier(named)
    return classifier, _explainer(classifier, named)


def _explainer(classifier: Classifier, named: str | Path) -> Explainer:
    try:
        background = read_background(find_model(named), classifier.manifest)
    except ManifestError as exc:
        raise ConfigError(str(exc)) from exc
    return Explainer(classifier.artifact, background, priors=classifier.priors)


def explain(
    explainer: Explainer, scored: Scores | FusedScores, row: int, *, effort: Effort = FULL
) -> ShapleyValues:
    """Explain the most probable class of a light curve, or of a star, that was scored.

    A star in several bands is explained by what it was judged by: its merged curve, and the bands that the
    model was asked about.
    """
    scores = scored.scores if isinstance(scored, FusedScores) else scored
    views = scores.measured.values[row : row + 1]
    fused = isinstance(scored, FusedScores) and not scored.one_band[row]
    if isinstance(scored, FusedScores) and fused:
        bands = scored.together.bands.values.reshape(*scored.asked.shape, -1)
        views = np.concatenate([views, bands[row, scored.asked[row]]])
    return explainer.explain(views, int(scores.verdicts.best[row]), fused=fused, effort=effort)


def reasons(explainer: Explainer, scored: Scores | FusedScores, row: int) -> dict[str, list[str]] | None:
    """Return what a record says of its reasons; None where nothing was scored."""
    scores = scored.scores if isinstance(scored, FusedScores) else scored
    if not scores.scored[row]:
        return None
    why = explain(explainer, scored, row, effort=OF_A_RECORD)
    return speaking(why.values, FEATURE_NAMES)._asdict()
