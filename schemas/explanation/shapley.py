r"""Shapley values by sampled orders: what each feature of a row adds to a number that a model gives it.

The features of a background row are replaced by those of the row in question, one after another; the value of
a feature is the mean step that its replacement causes. All orders of 16 features are out of reach, and all
sets of them, 65,536 for every background row, take half a minute of a network of this size, so orders are
drawn:

.. math:: \phi_j = \frac{1}{2 b r} \sum_{i=1}^{b} \sum_{k=1}^{2r}
          \left[ f(x_{P_{ik} \cup j}, b_i) - f(x_{P_{ik}}, b_i) \right]

where :math:`P_{ik}` are the features before j in the k-th order of background row i, and the others are those
of the row. Every background row has orders of its own, which serves better than the same ones for all, and
every order comes with its reverse, in which what pairs of features do together is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
Answer = Callable[[F8], F8]
"""From rows (m, v, f), each of f features in v views, to a number for each (m,)."""


class ShapleyValues(NamedTuple):
    """What the features add to the answer to a row.

    Attributes
    ----------
    values : (f,) float64
        Of the features, in units of the answer; they add up to `answer` less `background_mean`.
    errors : (f,) float64
        Their standard errors, of the drawing of orders alone: the background counts as given. NaN where each
        background row has one pair of orders, which does not tell.
    answer : float
        To the row.
    background_mean : float
        Mean answer to the background.
    """

    values: F8
    errors: F8
    answer: float
    background_mean: float


def shapley_values(answer: Answer, row: F8, background: F8, *, pairs: int, seed: int) -> ShapleyValues:
    """Return the Shapley values of the features of a row that is seen in one or several views.

    A feature is one player whatever the number of views: it is replaced in all of them at once, and a
    background row is the same in each. That the values add up is exact for any number of orders, and so is
    each value where features add up or act in pairs, and where a feature does nothing; otherwise the draw has
    the noise that `ShapleyValues.errors` states, which falls as ``pairs ** -0.5``. Equal arguments give equal
    bytes.

    Parameters
    ----------
    answer : callable
        What is explained; see `Answer`. It is asked about 2 b (f - 1) rows at a time, `pairs` times.
    row : (v, f) float64
        To explain.
    background : (b, f) float64
        What the features are otherwise.
    pairs : int
        Orders, each with its reverse, for every background row; at least one.
    seed : int
        Of the orders.

    Raises
    ------
    ValueError
        If there is no background row or no pair, or the shapes do not fit together.

    References
    ----------
    Lundberg & Lee (2017), arXiv:1705.07874: values of features by replacement from a background. Castro,
    Gomez & Tejada (2009), doi:10.1016/j.cor.2008.04.004: sampled orders. Mitchell et al. (2022), JMLR 23, 43:
    each with its reverse.
    """
    if row.ndim != 2 or background.ndim != 2 or row.shape[1] != background.shape[1]:
        raise ValueError(f"row and background have shapes {row.shape} and {background.shape}")
    if not len(background) or pairs < 1:
        raise ValueError(f"there are {len(background)} background rows and {pairs} pairs of orders")
    rng = np.random.default_rng(seed)
    n, f = background.shape
    whole = np.concatenate([row[None], np.broadcast_to(background[:, None], (n, *row.shape))])
    ends = answer(whole)
    steps = np.empty((pairs, n, f))
    for pair in range(pairs):
        forward = rng.permuted(np.broadcast_to(np.arange(f), (n, f)), axis=1)  # when a feature is replaced
        place = np.concatenate([forward, f - 1 - forward])
        answers = np.empty((2 * n, f + 1))
        answers[:, 0], answers[:, -1] = np.tile(ends[1:], 2), ends[0]
        replaced = place[:, None] < np.arange(1, f)[None, :, None]
        others = np.concatenate([background, background])[:, None, None]
        mixed = np.where(replaced[:, :, None], row, others).reshape(-1, *row.shape)
        answers[:, 1:-1] = answer(mixed).reshape(2 * n, f - 1)
        of_feature = np.take_along_axis(np.diff(answers, axis=1), place, axis=1)
        steps[pair] = (of_feature[:n] + of_feature[n:]) / 2.0
    errors = np.full(f, np.nan)
    if pairs > 1:
        errors = np.sqrt(steps.var(axis=0, ddof=1).sum(axis=0) / pairs) / n
    return ShapleyValues(steps.mean(axis=(0, 1)), errors, float(ends[0]), float(ends[1:].mean()))
