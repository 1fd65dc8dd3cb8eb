"""The classifier: a model with the rules for which light curves it may score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from broker.errors import ConfigError, FatalError
from broker.settings.config import ModelConfig
from features import (
    CONVENTIONS,
    FEATURE_NAMES,
    MIN_POINTS,
    Measured,
    Together,
    extract,
    extract_together,
    scorable,
)
from features.compilation.machine_code import KernelError
from schemas.model.artifact import Artifact
from schemas.model.fusion import fuse
from schemas.model.manifest import Manifest, ManifestError
from schemas.model.shipped import find_model
from schemas.model.terms import NO_PRIORS, by_terms, priors_fault
from schemas.model.verdict import Verdicts


@dataclass(frozen=True, slots=True)
class Scores:
    """Features and classes of n light curves.

    Attributes
    ----------
    measured : Measured
        Features, status and what they were measured on; features are NaN where the status blocks.
    outlier : (n,) int64
        Which point of the light curve is the farthest that no other supports; -1 where there is none.
    below_min_epochs : (n,) bool
        Whether fewer points were used than the model is meant for.
    scored : (n,) bool
        Whether the model scored this light curve.
    verdicts : Verdicts
        Probabilities, the most probable classes, and where they are given as labels.
    out_of_range : (n,) int64
        Bit j: feature j was clipped to the training range.
    """

    measured: Measured
    outlier: NDArray[np.int64]
    below_min_epochs: NDArray[np.bool_]
    scored: NDArray[np.bool_]
    verdicts: Verdicts
    out_of_range: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FusedScores:
    """Features and classes of n stars, each by all its bands together.

    Attributes
    ----------
    scores : Scores
        Of the stars: features, status and bits of their merged curves, and the fused answers.
    together : Together
        What was measured, of the merged curves and of the bands.
    one_band : (n,) bool
        Stars of at most one usable band: what is said of them is what is said of that band.
    asked : (n, 6) bool
        Bands that the model was asked about beside the merged curve, in the order of `SURVEY_BANDS`.
    """

    scores: Scores
    together: Together
    one_band: NDArray[np.bool_]
    asked: NDArray[np.bool_]


class Classifier:
    """A model with the rules for using it.

    Parameters
    ----------
    artifact : Artifact
        The model.
    min_epochs : int, optional
        Fewest epochs a band needs to be scored; the model's own value by default, never below `MIN_POINTS`.
    priors : mapping of str to float
        In the place of the model's own, of some or all of its classes; see `schemas.model.priors`.

    Raises
    ------
    ConfigError
        If the model was made for other features or another convention than this version computes,
        `min_epochs` is too small, the priors do not fit it, or it states terms that cannot be kept.
    """

    def __init__(
        self,
        artifact: Artifact,
        *,
        min_epochs: int | None = None,
        priors: Mapping[str, float] = NO_PRIORS,
    ) -> None:
        manifest = artifact.manifest
        if manifest.features != FEATURE_NAMES:
            raise ConfigError(
                f"model {manifest.name} {manifest.version} takes features {', '.join(manifest.features)}; "
                f"this version computes {', '.join(FEATURE_NAMES)}"
            )
        if manifest.convention not in CONVENTIONS:
            raise ConfigError(
                f"model {manifest.name} {manifest.version} wants feature convention {manifest.convention!r}; "
                f"this version knows {', '.join(CONVENTIONS)}"
            )
        self._artifact = artifact
        self.min_epochs = manifest.min_epochs if min_epochs is None else min_epochs
        if self.min_epochs < MIN_POINTS:
            raise ConfigError(f"min_epochs must be at least {MIN_POINTS}, got {self.min_epochs}")
        _check_terms(manifest)
        self.priors = dict(priors)
        fault = priors_fault(manifest, self.priors)
        if fault is not None:
            raise ConfigError(f"model.priors: {fault}")

    @property
    def manifest(self) -> Manifest:
        """What the model is."""
        return self._artifact.manifest

    @property
    def artifact(self) -> Artifact:
        """The model itself."""
        return self._artifact

    @property
    def fuses(self) -> bool:
        """Whether the model answers for all bands of a star together.

        It does if it is of the convention in which bands are measured together, and states what its fused
        answers are worth.
        """
        return CONVENTIONS[self.manifest.convention].by_support and self.manifest.fused is not None

    def score(
        self,
        time: NDArray[np.float64],
        mag: NDArray[np.float64],
        mag_err: NDArray[np.float64],
        offsets: NDArray[np.int64],
    ) -> Scores:
        """Features and classes of light curves that are concatenated as in `features.extract`.

        Raises
        ------
        FatalError
            If the features cannot be computed on this machine.
        """
        manifest = self.manifest
        with _trouble_of_the_machine():
            measured = extract(
                time, mag, mag_err, offsets, convention=manifest.convention, clip_sigma=manifest.clip_sigma
            )
        scored = scorable(measured.values, measured.status, measured.n_used, self.min_epochs)
        raw = self._artifact.score(measured.values, scored)
        said = by_terms(manifest, raw.probabilities, raw.oddness, measured.n_used, scored, priors=self.priors)
        below = measured.n_used < self.min_epochs
        return Scores(measured, _within(measured.outlier, offsets), below, scored, said, raw.out_of_range)

    def score_together(
        self,
        time: NDArray[np.float64],
        mag: NDArray[np.float64],
        mag_err: NDArray[np.float64],
        band: NDArray[np.int8],
        offsets: NDArray[np.int64],
    ) -> FusedScores:
        """Features and classes of stars, all bands of one together, as in `features.extract_together`.

        Raises
        ------
        FatalError
            If the features cannot be computed on this machine.
        ValueError
            If the model does not fuse.
        """
        manifest, fused = self.manifest, self.manifest.fused
        if fused is None or not self.fuses:
            raise ValueError(f"model {manifest.name} {manifest.version} gives no fused answers")
        with _trouble_of_the_machine():
            together = extract_together(time, mag, mag_err, band, offsets, convention=manifest.convention)
        merged, bands = together.merged, together.bands
        one_band = together.usable.sum(axis=1) <= 1
        below = merged.n_used < np.where(one_band, self.min_epochs, fused["min_epochs"])
        scored = scorable(merged.values, merged.status, merged.n_used, MIN_POINTS) & ~below
        asked = scorable(bands.values, bands.status, bands.n_used, MIN_POINTS)
        asked &= np.repeat(scored & ~one_band, together.usable.shape[1])
        raw = self._artifact.score(
            np.concatenate([merged.values, bands.values]), np.concatenate([scored, asked])
        )
        n, n_bands = together.usable.shape
        answers = fuse(
            raw.probabilities[:n],
            raw.probabilities[n:].reshape(n, n_bands, -1),
            one_band,
            temperature=fused["temperature"],
        )
        said = by_terms(
            manifest,
            answers,
            raw.oddness[:n],
            merged.n_used,
            scored,
            fused=~one_band,
            priors=self.priors,
        )
        outlier = _within(merged.outlier, offsets)
        scores = Scores(merged, outlier, below, scored, said, raw.out_of_range[:n])
        return FusedScores(scores, together, one_band, asked.reshape(n, n_bands))


def _within(place: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn places in concatenated series into places in each; -1 stays."""
    return np.where(place < 0, -1, place - offsets[:-1])


def _check_terms(manifest: Manifest) -> None:
    """Refuse what a manifest may state and this version cannot keep."""
    model = f"model {manifest.name} {manifest.version}"
    if CONVENTIONS[manifest.convention].by_support and manifest.clip_sigma is not None:
        raise ConfigError(
            f"{model} states clip_sigma {manifest.clip_sigma:g}; its convention, {manifest.convention}, "
            "decides on outliers by itself"
        )
    if manifest.fused is not None and manifest.fused["min_epochs"] < MIN_POINTS:
        raise ConfigError(
            f"{model} states fused answers from {manifest.fused['min_epochs']} epochs on; the features need "
            f"{MIN_POINTS}"
        )


@contextmanager
def _trouble_of_the_machine() -> Iterator[None]:
    """Raise as fatal what keeps features from being computed at all."""
    try:
        yield
    except (KernelError, MemoryError) as exc:
        raise FatalError(f"features cannot be computed: {str(exc) or 'out of memory'}") from exc


def load_classifiers(config: ModelConfig) -> dict[str, Classifier]:
    """Load the model of every survey; one that is for several is loaded once.

    Raises
    ------
    ConfigError
        If there is no such model or it cannot be served.
    """
    named = config.named
    artifacts = {name: load_artifact(name) for name in set(named.values())}
    classifiers: dict[tuple[str, frozenset[tuple[str, float]]], Classifier] = {}
    of_survey = {}
    for survey, name in named.items():
        priors = config.priors.of(survey)
        key = name, frozenset(priors.items())
        if key not in classifiers:
            classifiers[key] = Classifier(artifacts[name], min_epochs=config.min_epochs, priors=priors)
        of_survey[survey] = classifiers[key]
    return of_survey


def load_classifier(named: str | Path, *, min_epochs: int | None = None) -> Classifier:
    """Load a model as `load_artifact` does, with the rules for using it."""
    return Classifier(load_artifact(named), min_epochs=min_epochs)


def load_artifact(named: str | Path) -> Artifact:
    """Load the model in a folder, or a shipped one by its name, see `schemas.model.shipped.find_model`.

    Raises
    ------
    ConfigError
        If there is no such model or it cannot be served.
    """
    try:
        return Artifact.load(find_model(named))
    except ManifestError as exc:
        raise ConfigError(str(exc)) from exc
