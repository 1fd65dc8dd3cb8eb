"""Recipes: everything that decides how a model is made, but the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from schemas.model.fusion import DEFAULT_MIN_EPOCHS
from training.errors import SettingsError
from training.examples.augment import Sampling
from training.examples.feature_table import Extraction
from training.network.layers import Layers
from training.network.one_cycle import OneCycle
from training.network.paper_sgd import Plateau


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made.

    Attributes
    ----------
    name : str
        What the recipe is called.
    extraction : Extraction
        Convention and outlier cut of the features.
    sampling : Sampling
        Examples made of every training and validation star.
    schedule : OneCycle or Plateau
        Which fit, and its settings.
    class_power : float
        Weight of an example in the loss: 1 / N_class ** class_power.
    full_weight : float
        Weight of a complete light curve relative to an example made from it.
    simulated_weight : float
        Weight of an example that imitates another class.
    merged_weight : float
        Weight of the merged curve of a star in several bands, relative to a light curve of one band.
    at_joint_weight : float
        Weight that the bands of such an example, at the joint period, have together; the bands of a star that
        are shown by themselves have that of one light curve together. So a star in six bands counts no more
        than one in two.
    robust : bool
        Scale features by their deciles, see `training.network.preprocess`.
    stars_per_label : int or None
        At most so many light curves of one native label of one survey are trained on.
    folds : int
        Parts the stars are shared out to, see `training.crossfit.crossfit`.
    abstain_below : float
        The model gives no label where its highest probability is lower.
    fused_min_epochs : int
        Fewest epochs, over all bands, of a fused answer; see `schemas.model.fusion`.
    fused_abstain_below : float
        As `abstain_below`, of fused answers.
    abstain_below_by_class : mapping of str to float
        Both for the classes of which they differ: what varies without a period is called so too easily.
    class_weights : mapping of str to float
        Weight of the real examples of some classes, relative to what `class_power` gives them: of what varies
        without a period, which has few stars and looks like what is in no class.
    outlier_weight : float
        Weight of all examples that are in no class together, relative to all others; each kind of them has as
        much. Outlier exposure, Hendrycks et al. (2019), arXiv:1812.04606.
    novel_below : float
        A light curve is novel, and has no label, where its novelty is lower; see `schemas.model.novelty`.
    """

    name: str
    extraction: Extraction = field(default_factory=Extraction)
    sampling: Sampling = field(default_factory=Sampling)
    schedule: OneCycle | Plateau = field(default_factory=OneCycle)
    class_power: float = 0.0
    full_weight: float = 1.0
    simulated_weight: float = 1.0
    merged_weight: float = 1.0
    at_joint_weight: float = 1.0
    robust: bool = True
    stars_per_label: int | None = None
    folds: int = 5
    abstain_below: float = 0.5
    fused_min_epochs: int = DEFAULT_MIN_EPOCHS
    fused_abstain_below: float = 0.5
    abstain_below_by_class: Mapping[str, float] = field(default_factory=dict)
    class_weights: Mapping[str, float] = field(default_factory=dict)
    outlier_weight: float = 0.1
    novel_below: float = 0.03

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise SettingsError(f"folds must be at least 3, got {self.folds}")
        names = ("abstain_below", "fused_abstain_below", "novel_below")
        limits = {name: getattr(self, name) for name in names}
        for name, limit in {**limits, **self.abstain_below_by_class}.items():
            if not 0.0 <= limit < 1.0:
                raise SettingsError(f"{name} must be a probability under 1, got {limit}")
        for name in ("full_weight", "simulated_weight", "merged_weight", "at_joint_weight"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} must be a number from 0 on, got {getattr(self, name)}")
        for name, weight in {"outlier_weight": self.outlier_weight, **self.class_weights}.items():
            if not 0.0 <= weight < math.inf:
                raise SettingsError(f"{name} must be a number from 0 on, got {weight}")
        if self.fused_min_epochs < 1:
            raise SettingsError(f"fused_min_epochs must be at least 1, got {self.fused_min_epochs}")

    def label_limits(self, classes: Sequence[str], *, fused: bool = False) -> NDArray[np.float64]:
        """Return the probability from which each class (k,) is given as a label."""
        default = self.fused_abstain_below if fused else self.abstain_below
        of_class = self.limits_by_class(fused=fused)
        return np.array([of_class.get(name, default) for name in classes], np.float64)

    def limits_by_class(self, *, fused: bool = False) -> Mapping[str, float]:
        """Return the limits of classes that have one of their own; none where a label is given always."""
        default = self.fused_abstain_below if fused else self.abstain_below
        return self.abstain_below_by_class if default > 0.0 else {}

    def with_training_epochs(self, count: int) -> Recipe:
        """Return the recipe with another length of the fit."""
        if isinstance(self.schedule, OneCycle):
            return replace(self, schedule=replace(self.schedule, training_epochs=count, steps=None))
        return replace(self, schedule=replace(self.schedule, training_epochs=count))

    @property
    def chooses_epoch(self) -> bool:
        """Whether the schedule needs stars aside to choose its best training epoch on."""
        return isinstance(self.schedule, Plateau)


SHORTENED_SAMPLING = Sampling(
    truncations=9,
    first_epochs=(10, 20, 40, 80, 150),
    shuffled=0.15,
    constant=0.35,
    damped_walk=0.12,
    outlying=0.1,
    truncations_together=9,
    first_epochs_together=(15, 20, 40, 60, 120),
)
"""What is made of every star: nine shortened versions of each band and of all together, and non-variables,
quasars and outliers at their epochs."""

UNSURE_CLASSES = {"CV": 0.7, "LPV": 0.7, "QSO": 0.7}
"""Classes that what is in no class is called most: they ask for more."""

APERIODIC_WEIGHTS = {"CV": 1.5, "QSO": 2.5}
"""Of cataclysmic variables and quasars; the ratio balances the two, which are taken for each other most."""

IN_CLASSES = replace(SHORTENED_SAMPLING, outlying=0.0)
"""The same without outliers, for what has no class of them."""

RECIPES: Mapping[str, Recipe] = {
    "standard": Recipe(
        name="standard",
        sampling=SHORTENED_SAMPLING,
        schedule=OneCycle(training_epochs=14, batch=512, input_noise=0.03, label_smoothing=0.0),
        class_power=0.5,
        full_weight=3.0,
        stars_per_label=3500,
        abstain_below_by_class=UNSURE_CLASSES,
        class_weights=APERIODIC_WEIGHTS,
    ),
    "paper": Recipe(
        name="paper",
        extraction=Extraction(convention="kim2021"),
        sampling=Sampling(first_epochs=SHORTENED_SAMPLING.first_epochs),
        schedule=Plateau(),
        robust=False,
        abstain_below=0.0,
        novel_below=0.0,
    ),
}

ONE_CALM_CYCLE = OneCycle(
    training_epochs=20, batch=512, peak_rate=1e-3, input_noise=0.03, label_smoothing=0.0
)

TRANSFER = Recipe(
    name="transfer",
    sampling=SHORTENED_SAMPLING,
    schedule=ONE_CALM_CYCLE,
    full_weight=3.0,
    simulated_weight=0.1,
    abstain_below_by_class=UNSURE_CLASSES,
    class_weights=APERIODIC_WEIGHTS,
)
"""A calm fit that starts from a good place; the features are the pretrained model's."""

MIN_LIGHT_CURVES_FOR_EVERY_LAYER = 800
"""Labelled light curves from which on it is worth fitting more than the last layer."""


def transfer_layers(light_curves: int) -> Layers:
    """Return which layers to fit to so many labelled light curves."""
    return Layers.EVERY if light_curves >= MIN_LIGHT_CURVES_FOR_EVERY_LAYER else Layers.LAST


STREAM_STARS_PER_LABEL = 300
"""Stars of one label of one survey that are shown to a stream, in all of its bands: the classes are what
matters there, and a star in six bands takes as long as eight of one."""

STREAM_APERIODIC_WEIGHTS = {"CV": 1.0, "QSO": 1.5}
"""Sparse light curves look alike: with the weights that complete ones need, six of ten that were called QSO
were none, and 23 of a hundred that do not vary were called so."""

STREAM = replace(
    TRANSFER,
    name="stream",
    sampling=replace(SHORTENED_SAMPLING, truncations=3, truncations_together=6, bands_by_themselves=2),
    schedule=replace(ONE_CALM_CYCLE, training_epochs=10),
    class_power=0.5,
    class_weights=STREAM_APERIODIC_WEIGHTS,
)
"""Transfer to an alert stream, from light curves as the stream sees them: two of the bands of each copy by
themselves, and all together. Of each copy there are four times as many rows as of a light curve of one band,
hence half the training epochs."""
