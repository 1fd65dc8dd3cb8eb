"""What small experiments are made of, and how the sections they write are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data.light_curves import LightCurves, offsets_of
from training.examples.feature_table import Extraction
from training.network.networks import Networks
from training.network.preprocess import fit_preprocessing
from training.network.trained_network import TrainedNetwork
from training.report.html import Section
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.random_curves import Asked
from training.reproduce.scale import Scale

TRANSFER_SCALE = Scale(repeats=2, training_epochs=3, fig7_fractions=(0.2, 1.0), recipe_repeats=2)
SOURCE_SCALE = Scale(
    repeats=2,
    training_epochs=8,
    table3_stars=160,
    large_repeats=2,
    large_training_epochs=1,
    forest_repeats=2,
    shap_stars=5,
    shap_background=8,
    random_curves=4,
)


def three_classes(n: int) -> Target:
    """Half of the stars are A, a third B, a sixth C; every tenth has two light curves."""
    label = np.sort(np.resize([0, 0, 0, 1, 1, 2], n)).astype(np.int64)
    star = np.arange(n)
    star[1::10] = star[::10]
    return Target("made up", ("A", "B", "C"), label, star, ())


def noise_curves(counts: list[int], duration_d: float = 100.0) -> LightCurves:
    """Light curves of stars that do not vary, of the given numbers of points."""
    rng = np.random.default_rng(8)
    time = np.concatenate([50_000.0 + np.sort(rng.uniform(0.0, duration_d, count)) for count in counts])
    return LightCurves(
        time,
        rng.normal(15.0, 0.3, time.size),
        rng.uniform(0.01, 0.1, time.size),
        offsets_of(np.array(counts)),
    )


def write_noise(path: Path, labels: list[str], epochs: int | list[int] = 25, **columns: np.ndarray) -> None:
    """Write a survey of such stars, which are labelled all the same."""
    counts = np.full(len(labels), epochs) if isinstance(epochs, int) else np.array(epochs)
    n, rng = counts.sum(), np.random.default_rng(0)
    own = {
        "object_id": np.array([f"{path.stem}-{i}" for i in range(len(labels))]),
        "native_class": np.array(labels),
    }
    np.savez(
        path,
        time=np.concatenate([np.arange(float(count)) for count in counts]),
        mag=rng.normal(15.0, 0.1, n),
        err=np.full(n, 0.1),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        **{**own, **columns},
    )


def convinced(answer: int, classes: tuple[str, str, str] = ("x", "y", "z")) -> Asked:
    """A model of three classes that gives one of them whatever it is shown."""
    values = np.random.default_rng(0).uniform(0.1, 1.0, (50, 16))
    weights = {name: np.zeros_like(array) for name, array in Networks.random(3, [0]).weights().items()}
    weights.update({name: np.ones_like(array) for name, array in weights.items() if name.endswith("_var")})
    weights["bn5.bias"] = 3.0 * (np.arange(3) == answer).astype(np.float32)
    return Asked(
        f"always {answer}", TrainedNetwork(weights, 1e-5, fit_preprocessing(values)), classes, Extraction()
    )


def rows_of(section: Section, table: int = 0) -> dict[str, dict[str, str]]:
    """Cells by the first of their row and the name of their column."""
    found = section.tables[table]
    return {row[0]: dict(zip(found.header, row, strict=True)) for row in found.rows}


def mean_of(cell: str) -> float:
    return float(cell.split(" ± ", maxsplit=1)[0])


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def random_network(n_classes: int, seed: int) -> TrainedNetwork:
    """A network of random weights, behind the constants of random features."""
    values = np.random.default_rng(seed).normal(size=(50, 16))
    return TrainedNetwork(Networks.random(n_classes, [seed]).weights(), 1e-5, fit_preprocessing(values))
