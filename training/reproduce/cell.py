"""The cell of an experiment: R repeats trained at the same time by the paper's loop, kept on disk.

A cell is what the paper makes one point of a figure of: a model (from scratch, every layer, last layer), a
number of training stars, 30 repeats. It is computed once; an experiment that was interrupted goes on with
the first cell that is missing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.truth import Truth
from training.measure.metrics import confusion_matrices, standard_error
from training.network.batch import Batch, oversampled
from training.network.layers import Layers
from training.network.loss import class_weights
from training.network.networks import HIDDEN_WIDTHS, Networks, predict
from training.network.new_head import with_new_head
from training.network.paper_sgd import History, Plateau, fit_plateau
from training.network.preprocess import Preprocessing, fit_preprocessing
from training.network.trained_network import TrainedNetwork, to_arrays
from training.progress import Bars
from training.reproduce.labelled_sets import Target
from training.reproduce.splits import Split, split
from training.result_cache import cached, hash_of

VALIDATION_SHARE = 0.2
"""Share of the training stars on which the training epoch is chosen, honestly."""


class Way(StrEnum):
    """How a model is made (section 4.1)."""

    SCRATCH = "scratch"
    EVERY_LAYER = "every-layer"
    LAST_LAYER = "last-layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSettings:
    """What one cell is.

    Attributes
    ----------
    way : Way
        How the networks are made.
    n_curves : int or None
        Light curves that are learnt from, validation included; None takes all but the test stars.
    test : float
        Fraction of the target's stars that is reported.
    repeats : int
        Networks.
    first_seed : int
        Of the first repeat.
    schedule : Plateau
        The paper's loop.
    widths : tuple of int
        Hidden layers.
    left_out : tuple of int
        Columns of features that the networks do not see.
    oversampled, weighted : bool
        Balance the classes by repeating stars, or by weights in the loss (Appendix, eq. 12).
    follow_training : bool
        Follow the Mc of the training stars as well, for Fig. 5.
    """

    way: Way
    n_curves: int | None = None
    test: float = 0.2
    repeats: int = 30
    first_seed: int = 0
    schedule: Plateau = field(default_factory=Plateau)
    widths: tuple[int, ...] = HIDDEN_WIDTHS
    left_out: tuple[int, ...] = ()
    oversampled: bool = False
    weighted: bool = False
    follow_training: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What the R repeats of a cell did in E training epochs.

    Attributes
    ----------
    rate, training, validation, test : (E, R) float64
        Learning rate, and Mc of the parts; `training` is NaN where it was not followed.
    confusion : (k, k) int64
        Of the test stars of all repeats, at the training epochs that validation chose.
    n_training : int
        Stars that each network learnt from.
    """

    rate: NDArray[np.float64]
    training: NDArray[np.float64]
    validation: NDArray[np.float64]
    test: NDArray[np.float64]
    confusion: NDArray[np.int64]
    n_training: int

    @property
    def honest(self) -> NDArray[np.float64]:
        """Test Mc (R,) at the training epoch that validation chose."""
        best = self.validation.argmax(axis=0)
        chosen: NDArray[np.float64] = self.test[best, np.arange(self.test.shape[1])]
        return chosen

    @property
    def paper(self) -> NDArray[np.float64]:
        """Test Mc (R,) at the training epoch where the test Mc itself is best, as the paper quotes it."""
        result: NDArray[np.float64] = self.test.max(axis=0)
        return result


def summary(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard error (eq. 11) of the repeats."""
    return float(values.mean()), standard_error(values)


def mean_and_error(values: NDArray[np.float64], digits: int = 4) -> str:
    """Mean and standard error as text, the error with `digits` decimals."""
    mean, error = summary(values)
    return f"{mean:.4f} ± {error:.{digits}f}"


def run_cell(
    target: Target,
    values: NDArray[np.float64],
    pretrained: TrainedNetwork | None,
    settings: CellSettings,
    *,
    cache_folder: Path,
    progress: Bars,
    device: str = "cpu",
) -> Cell:
    """Train the repeats of a cell, or read them from the cache.

    Parameters
    ----------
    values : (n, 16) float64
        Raw features of the target's stars, all finite: see `Target.where`.
    """
    arrays = cached(
        cache_folder,
        "cell",
        key_of(target, values, pretrained, settings),
        lambda: _arrays(_compute(target, values, pretrained, settings, progress=progress, device=device)),
        code=__name__,
    )
    n_training = int(arrays["n_training"])
    return Cell(**{name: arrays[name] for name in arrays if name != "n_training"}, n_training=n_training)


def key_of(
    target: Target, values: NDArray[np.float64], pretrained: TrainedNetwork | None, settings: CellSettings
) -> dict[str, Any]:
    """Return all that a cell depends on."""
    return {
        "target": target.fingerprint(),
        "values": hash_of(values),
        "pretrained": None if pretrained is None else hash_of(*to_arrays([pretrained]).values()),
        "settings": asdict(settings),
    }


@dataclass(frozen=True, slots=True)
class Fitted:
    """The R networks of a cell, each at the training epoch that validation chose.

    Attributes
    ----------
    networks : Networks
        R of them.
    splits : R Split
        Which stars each saw.
    scales : R Preprocessing
        Fitted on the training stars of each.
    history : History
        Of `training.network.paper_sgd.fit_plateau`.
    test : Batch
        The test stars as the networks take them.
    """

    networks: Networks
    splits: list[Split]
    scales: list[Preprocessing]
    history: History
    test: Batch


def fit_repeats(
    target: Target,
    values: NDArray[np.float64],
    pretrained: TrainedNetwork | None,
    settings: CellSettings,
    *,
    progress: Bars,
    device: str = "cpu",
) -> Fitted:
    """Train the repeats of a cell; see `run_cell`, which keeps what comes of them."""
    seeds = [settings.first_seed + number for number in range(settings.repeats)]
    splits = [
        split(target, seed=seed, test=settings.test, n_curves=settings.n_curves, validation=VALIDATION_SHARE)
        for seed in seeds
    ]
    columns = [column for column in range(values.shape[1]) if column not in settings.left_out]
    scales = [fit_preprocessing(values[each.training]) for each in splits]

    def examples(rows: list[NDArray[np.int64]], weighted: bool = False) -> Batch:
        truth = [Truth.of_numbers(target.label[each], len(target.classes)).allowed for each in rows]
        scores = [
            scale.transform(values[each])[0][:, columns] for each, scale in zip(rows, scales, strict=True)
        ]
        weights = [class_weights(each, 1.0) for each in truth] if weighted else None
        return Batch.stack(scores, truth, weights, device=device)

    shown = [each.training for each in splits]
    watched = {
        "validation": examples([each.validation for each in splits]),
        "test": examples([each.test for each in splits]),
    }
    if settings.follow_training:
        watched["training"] = examples(shown)
    if settings.oversampled:
        shown = [_balanced(rows, target, seed) for rows, seed in zip(shown, seeds, strict=True)]
    training = examples(shown, settings.weighted)
    networks = _start(target, pretrained, settings, n_features=len(columns), seeds=seeds, device=device)
    layers = Layers.LAST if settings.way is Way.LAST_LAYER else Layers.EVERY
    history = fit_plateau(
        networks,
        training,
        watched,
        settings.schedule,
        seeds=seeds,
        progress=progress,
        what=f"{target.name}, {settings.way}, {'-'.join(map(str, settings.widths))}, {training.n:,} stars",
        layers=layers,
    )
    return Fitted(networks, splits, scales, history, watched["test"])


def _compute(
    target: Target,
    values: NDArray[np.float64],
    pretrained: TrainedNetwork | None,
    settings: CellSettings,
    *,
    progress: Bars,
    device: str,
) -> Cell:
    fitted = fit_repeats(target, values, pretrained, settings, progress=progress, device=device)
    history, test = fitted.history, fitted.test
    predicted = predict(fitted.networks, test.scores).argmax(axis=2).astype(np.int64)
    truth = Truth(test.allowed.transpose(1, 2).cpu().numpy()).first
    return Cell(
        history.rate,
        history.mc.get("training", np.full_like(history.rate, np.nan)),
        history.mc["validation"],
        history.mc["test"],
        confusion_matrices(truth, predicted, len(target.classes)).sum(axis=0),
        min(len(each.training) for each in fitted.splits),
    )


def _arrays(cell: Cell) -> dict[str, NDArray[Any]]:
    return {each.name: np.asarray(getattr(cell, each.name)) for each in fields(cell)}


def _balanced(curves: NDArray[np.int64], target: Target, seed: int) -> NDArray[np.int64]:
    """Repeat light curves until every class has as many as the largest (Appendix)."""
    label = target.label[curves]
    size = int(np.bincount(label).max())
    return curves[oversampled(label, len(target.classes), size, seed=seed)]


def _start(
    target: Target,
    pretrained: TrainedNetwork | None,
    settings: CellSettings,
    *,
    n_features: int,
    seeds: list[int],
    device: str,
) -> Networks:
    k = len(target.classes)
    if settings.way is Way.SCRATCH or pretrained is None:
        return Networks.random(k, seeds, widths=settings.widths, n_features=n_features, device=device)
    start = [pretrained.weights] * len(seeds)
    return with_new_head(start, k, input_eps=pretrained.input_eps, seeds=seeds, device=device)
