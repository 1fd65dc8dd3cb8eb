"""The importance of features for a network's answers, by their Shapley values (section 3.5, Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features import FEATURE_NAMES
from training.network.networks import as_scores, predict
from training.network.temperature import softmax
from training.progress import Bars
from training.report.html import Figure, Section, Table
from training.report.plots import importance_plot
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.best_network import BestNetwork

F8 = NDArray[np.float64]

PAPER_FIRST = "period"
PAPER_LAST = "phi21"


def shapley_values(answer: Callable[[F8], F8], rows: F8, background: F8, *, seed: int, progress: Bars) -> F8:
    r"""Shapley values: what each feature of a row adds to the answer, against the background.

    .. math:: \sum_j \phi_{ijc} = f_c(x_i) - \langle f_c(b) \rangle_b

    For each row of the background the features are replaced by those of the row in question, one by one,
    in a random order and in its reverse; a feature's value is the mean step it causes. The sum above is
    exact for any number of background rows, and so is each value where features add up or act in pairs;
    otherwise the order is a draw, whose noise falls with the number of background rows.

    Parameters
    ----------
    answer : callable
        From features (m, f) to k numbers a row (m, k).
    rows : (n, f) float64
        To explain.
    background : (b, f) float64
        What the features are otherwise.
    seed : int
        Of the orders.
    progress : Bars
        Shown while computing.

    Returns
    -------
    (n, f, k) float64

    References
    ----------
    Lundberg & Lee (2017), NeurIPS 30, 4765; orders and their reverses: Mitchell et al. (2022), JMLR 23, 43.
    """
    rng = np.random.default_rng(seed)
    b, f = background.shape
    step = np.arange(f + 1)[None, :, None]
    values = []
    with progress.bar("Shapley values", len(rows)) as advance:
        for row in rows:
            order = rng.permuted(np.broadcast_to(np.arange(f), (b, f)), axis=1)  # when a feature is replaced
            both = np.concatenate([order, f - 1 - order])
            others = np.concatenate([background, background])
            mixed = np.where(both[:, None, :] < step, row, others[:, None, :])
            answers = answer(mixed.reshape(-1, f)).reshape(2 * b, f + 1, -1)
            added = np.diff(answers, axis=1)
            values.append(np.take_along_axis(added, both[:, :, None], axis=1).mean(axis=0))
            advance(1)
    return np.stack(values)


def feature_importance(bench: Bench, target: Target, values: F8, best: BestNetwork) -> Section:
    """Fig. 6: mean absolute Shapley value of every feature and class.

    Parameters
    ----------
    values : (n, 16) float64
        Raw features of the target's stars, all finite.
    best : BestNetwork
        Trained on the target.
    """
    scale, networks = best.network.preprocessing, best.network.networks()
    shown = best.split.test[: bench.scale.shap_stars]
    others = best.split.training[: bench.scale.shap_background]

    def answer(scores: F8) -> F8:
        return softmax(predict(networks, as_scores(scores))[0], 1.0)

    shapley = shapley_values(
        answer,
        scale.transform(values[shown])[0],
        scale.transform(values[others])[0],
        seed=0,
        progress=bench.progress,
    )
    mean = np.abs(shapley).mean(axis=0)
    total = mean.sum(axis=1)
    order = np.argsort(-total, kind="stable")
    plot = importance_plot(mean, FEATURE_NAMES, target.classes, bench.figures / "fig6.png")
    ranks = {FEATURE_NAMES[feature]: place for place, feature in enumerate(order, start=1)}
    rows = tuple(
        (
            FEATURE_NAMES[feature],
            f"{total[feature]:.3f}",
            f"{total[feature] / total.sum():.1%}".replace("%", " %"),
            target.classes[mean[feature].argmax()],
            {PAPER_FIRST: "1", PAPER_LAST: str(len(FEATURE_NAMES))}.get(FEATURE_NAMES[feature], "-"),
        )
        for feature in order
    )
    return Section(
        "Which features matter (Fig. 6)",
        (
            f"The period is number {ranks[PAPER_FIRST]} here and the first in the paper; phi21, the last in "
            f"the paper, is number {ranks[PAPER_LAST]} of {len(FEATURE_NAMES)}. The network is the best of "
            f"the repeats on {target.name}, whose surveys and classes are not those of the paper's Table 1.",
        ),
        (
            Table(
                "Mean |SHAP value| of the probabilities, summed over the classes",
                ("feature", "mean |SHAP|", "share", "most for class", "place in the paper"),
                rows,
                note="The paper names the first and the last feature only.",
            ),
        ),
        (
            Figure(
                plot,
                f"Shapley values of the class probabilities of {len(shown):,} test stars against "
                f"{len(others)} training stars, by random orders of the features and their reverses.",
            ),
        ),
    )
