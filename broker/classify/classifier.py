"""The classifier: a model with the rules for which light curves it may score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from broker.errors import ConfigError, FatalError
from broker.settings.config import ModelConfig
from features import CONVENTIONS, FEATURE_NAMES, MIN_POINTS, extract, scorable
from features.compilation.machine_code import KernelError
from schemas.model.artifact import Artifact
from schemas.model.manifest import Manifest, ManifestError
from schemas.model.shipped import find_model
from schemas.model.verdict import Verdicts, verdicts


@dataclass(frozen=True, slots=True)
class Scores:
    """Features and classes of n light curves.

    Attributes
    ----------
    features : (n, 16) float64
        NaN where `status` blocks.
    status : (n,) uint32
        Bits of `features.Status`.
    n_epochs : (n,) int64
        Points that were used.
    baseline_d : (n,) float64
        From the first to the last of them [d].
    below_min_epochs : (n,) bool
        Whether these are fewer than the model is meant for.
    scored : (n,) bool
        Whether the model scored this light curve.
    verdicts : Verdicts
        Probabilities, the most probable classes, and where they are given as labels.
    out_of_range : (n,) int64
        Bit j: feature j was clipped to the training range.
    """

    features: NDArray[np.float64]
    status: NDArray[np.uint32]
    n_epochs: NDArray[np.int64]
    baseline_d: NDArray[np.float64]
    below_min_epochs: NDArray[np.bool_]
    scored: NDArray[np.bool_]
    verdicts: Verdicts
    out_of_range: NDArray[np.int64]


class Classifier:
    """A model with the rules for using it.

    Parameters
    ----------
    artifact : Artifact
        The model.
    min_epochs : int, optional
        Fewest epochs a band needs to be scored; the model's own value by default, never below `MIN_POINTS`.

    Raises
    ------
    ConfigError
        If the model was made for other features or another convention than this version computes,
        or `min_epochs` is too small.
    """

    def __init__(self, artifact: Artifact, *, min_epochs: int | None = None) -> None:
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

    @property
    def manifest(self) -> Manifest:
        """What the model is."""
        return self._artifact.manifest

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
        try:
            measured = extract(
                time, mag, mag_err, offsets, convention=manifest.convention, clip_sigma=manifest.clip_sigma
            )
        except (KernelError, MemoryError) as exc:
            raise FatalError(f"features cannot be computed: {str(exc) or 'out of memory'}") from exc
        below = measured.n_used < self.min_epochs
        scored = scorable(measured.values, measured.status, measured.n_used, self.min_epochs)
        probabilities, out_of_range = self._artifact.score(measured.values, scored)
        said = verdicts(probabilities, scored, abstain_below=manifest.abstain_below)
        return Scores(*measured, below, scored, said, out_of_range)


def load_classifiers(config: ModelConfig) -> dict[str, Classifier]:
    """Load the model of every survey; one that is for several is loaded once.

    Raises
    ------
    ConfigError
        If there is no such model or it cannot be served.
    """
    named = config.named
    loaded = {name: load_classifier(name, min_epochs=config.min_epochs) for name in set(named.values())}
    return {survey: loaded[name] for survey, name in named.items()}


def load_classifier(named: str | Path, *, min_epochs: int | None = None) -> Classifier:
    """Load the model in a folder, or a shipped one by its name, see `schemas.model.shipped.find_model`.

    Raises
    ------
    ConfigError
        If there is no such model or it cannot be served.
    """
    try:
        artifact = Artifact.load(find_model(named))
    except ManifestError as exc:
        raise ConfigError(str(exc)) from exc
    return Classifier(artifact, min_epochs=min_epochs)
