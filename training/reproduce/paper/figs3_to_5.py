"""Answers and training of the network that is trained from scratch on the source set (Figs. 3 to 5)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.measure.metrics import class_scores
from training.report.curve_plots import training_plot
from training.report.html import Figure, Section, Table
from training.report.plots import confusion_plot, probabilities_plot
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.best_network import BestNetwork
from training.reproduce.paper.source_set import F8, PAPER_STARS, chosen_settings, run

SURE_PROBABILITY = 0.8
"""Most of the paper's highest probabilities are above it, most of the second highest below 1 - it."""


def answers(bench: Bench, target: Target, values: F8, best: BestNetwork) -> Section:
    """Figs. 3 and 4: how sure the network is, and what it takes for what."""
    cell = run(bench, target, values, chosen_settings(bench.scale))
    parts = {"training": best.split.training, "test": best.split.test}
    highest = {
        name: np.sort(best.network.probabilities(values[rows]))[:, -2:] for name, rows in parts.items()
    }
    histogram = probabilities_plot(
        highest["training"][:, 1], highest["training"][:, 0], bench.figures / "fig3.png"
    )
    matrix = confusion_plot(cell.confusion, target.classes, bench.figures / "fig4.png", title=target.name)
    scores = class_scores(cell.confusion)
    weak = [
        name
        for name, score in zip(target.classes, scores, strict=True)
        if score.recall is not None and score.recall < SURE_PROBABILITY
    ]

    statements: dict[str, tuple[Callable[[F8], NDArray[np.bool_]], str]] = {
        "highest above 0.8": (lambda pair: pair[:, 1] > SURE_PROBABILITY, "the majority"),
        "second highest below 0.2": (lambda pair: pair[:, 0] < 1.0 - SURE_PROBABILITY, "the majority"),
        "difference above 0.5": (lambda pair: pair[:, 1] - pair[:, 0] > 0.5, "generally"),
    }
    return Section(
        "How sure and how right the network is (Figs. 3 and 4)",
        (
            f"The network is repeat {best.repeat + 1} of {bench.scale.repeats}, the one with the best "
            f"validation Mc, as the paper's U model. {PAPER_STARS}",
            f"Classes with a recall below 0.8: {', '.join(weak) or 'none'}; in the paper a few, such as "
            "T2CEPH and QSO.",
        ),
        (
            Table(
                "Share of the light curves by their class probabilities",
                ("probability", "training stars", "test stars", "paper, training stars"),
                tuple(
                    (name, *(f"{true_of(pair).mean():.3f}" for pair in highest.values()), paper)
                    for name, (true_of, paper) in statements.items()
                ),
            ),
            Table(
                f"Test stars of all {bench.scale.repeats} repeats, at the training epochs validation chose",
                ("class", "stars", "precision", "recall", "F1"),
                tuple(
                    (name, f"{score.n:,}", *map(optional, (score.precision, score.recall, score.f1)))
                    for name, score in zip(target.classes, scores, strict=True)
                ),
            ),
        ),
        (
            Figure(histogram, "Highest and second highest probability of the training stars, as Fig. 3."),
            Figure(matrix, "Confusion matrix of all repeats' test stars, as Fig. 4."),
        ),
    )


def training_run(bench: Bench, target: Target, values: F8) -> Section:
    """Fig. 5: Mc and learning rate of the best repeat."""
    cell = run(bench, target, values, chosen_settings(bench.scale))
    repeat = int(cell.validation.max(axis=0).argmax())
    best = int(cell.validation[:, repeat].argmax())
    parts = {"training": cell.training, "test": cell.test, "validation": cell.validation}
    plot = training_plot(
        {name: mc[:, repeat] for name, mc in parts.items()},
        cell.rate[:, repeat],
        bench.figures / "fig5.png",
        best=best,
    )
    cycles = int((np.diff(cell.rate[:, repeat]) > 0.0).sum())
    paper = {"training": "-", "test": "-", "validation": "0.9043"}
    return Section(
        "One training run (Fig. 5)",
        (
            f"Repeat {repeat + 1} of {bench.scale.repeats}, the one with the best validation Mc (18 in "
            f"the paper): training epoch {best + 1} of {len(cell.rate)}. The rate rose back to its first "
            f"value {cycles} times. {PAPER_STARS}",
        ),
        (
            Table(
                "Mc of the best repeat",
                ("stars", "at the chosen training epoch", "at the last", "highest", "paper's highest"),
                tuple(
                    (
                        name,
                        f"{mc[best, repeat]:.4f}",
                        f"{mc[-1, repeat]:.4f}",
                        f"{mc[:, repeat].max():.4f}",
                        paper[name],
                    )
                    for name, mc in parts.items()
                ),
            ),
        ),
        (
            Figure(
                plot,
                "Mc of the three parts above and learning rate below, as Fig. 5; the arrow is the choice.",
            ),
        ),
    )


def optional(value: float | None) -> str:
    """Return a ratio, or a dash where it has no denominator."""
    return "-" if value is None else f"{value:.3f}"
