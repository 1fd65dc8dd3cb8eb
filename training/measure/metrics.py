"""Metrics of a classifier: the confusion matrix and what follows from it (eqs. 5 to 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


def confusion_matrix(truth: I8, predicted: I8, n_classes: int) -> I8:
    """Return counts (k, k) int64: rows are true classes, columns predicted ones."""
    matrix: I8 = confusion_matrices(truth[None], predicted[None], n_classes)[0]
    return matrix


def confusion_matrices(truth: I8, predicted: I8, n_classes: int) -> I8:
    """Return counts (R, k, k) int64 of R repeats (R, n)."""
    repeat = np.arange(len(truth))[:, None]
    cell = (repeat * n_classes + truth) * n_classes + predicted
    counts = np.bincount(cell.ravel(), minlength=len(truth) * n_classes**2)
    return counts.reshape(len(truth), n_classes, n_classes).astype(np.int64)


def accuracy(confusion: I8) -> float:
    """Fraction of right answers; NaN of an empty matrix."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else float("nan")


def mcc(confusion: I8) -> float:
    """Matthews correlation coefficient of one matrix (k, k); see `mccs`."""
    return float(mccs(confusion[None])[0])


def mccs(confusion: I8) -> F8:
    r"""Matthews correlation coefficients (R,) of R matrices (R, k, k) (eq. 9), between -1 and 1.

    With c right answers among s, t_k stars of class k and p_k answers k, the paper's triple sum is

    .. math:: \frac{c s - \sum_k p_k t_k}{\sqrt{(s^2 - \sum_k p_k^2)(s^2 - \sum_k t_k^2)}}

    It is 0, by convention, where all stars or all answers are of one class.

    References
    ----------
    Gorodkin (2004), Comput. Biol. Chem. 28, 367, doi:10.1016/j.compbiolchem.2004.09.006.
    """
    counts = confusion.astype(np.float64)
    true, predicted = counts.sum(axis=2), counts.sum(axis=1)
    total = true.sum(axis=1)
    covariance = np.trace(counts, axis1=1, axis2=2) * total - (true * predicted).sum(axis=1)
    norm = np.sqrt((total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1)))
    result: F8 = np.divide(covariance, norm, out=np.zeros(len(norm)), where=norm > 0.0)
    return result


def scaled_mcc(confusion: I8) -> float:
    """Mc = (1 + MCC) / 2 (eq. 10) of one matrix (k, k), between 0 and 1."""
    return float(scaled_mccs(confusion[None])[0])


def scaled_mccs(confusion: I8) -> F8:
    """Mc (R,) of R matrices (R, k, k)."""
    return (1.0 + mccs(confusion)) / 2.0


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class against all others (eqs. 5 to 8); a ratio without a denominator is None."""

    n: int
    precision: float | None
    recall: float | None
    f1: float | None


def class_scores(confusion: I8) -> list[ClassScore]:
    """Precision, recall and F1 of every class, in the order of the matrix."""
    right, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassScore(
            n=int(true[k]),
            precision=float(right[k] / predicted[k]) if predicted[k] else None,
            recall=float(right[k] / true[k]) if true[k] else None,
            f1=float(2 * right[k] / (true[k] + predicted[k])) if true[k] + predicted[k] else None,
        )
        for k in range(len(confusion))
    ]


def standard_error(values: F8) -> float:
    """Return the standard error of the mean of repeats, sigma / sqrt(n) (eq. 11)."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def bootstrap_error(
    truth: I8, predicted: I8, n_classes: int, *, star: I8 | None = None, repeats: int = 200, seed: int = 0
) -> float:
    """Return the standard error of Mc from resampling the stars with replacement.

    Parameters
    ----------
    truth, predicted : (n,) int64
        Of the light curves.
    star : (n,) int64, optional
        Of each light curve: those of one star, as its bands, are drawn together. By default each is a star
        of its own.
    """
    rng = np.random.default_rng(seed)
    number = np.arange(len(truth)) if star is None else np.unique(star, return_inverse=True)[1]
    n_stars = int(number.max()) + 1
    cell = truth * n_classes + predicted
    drawn = np.empty((repeats, n_classes, n_classes), np.int64)
    for repeat in range(repeats):
        times = np.bincount(rng.integers(n_stars, size=n_stars), minlength=n_stars)[number]
        counts = np.bincount(cell, weights=times, minlength=n_classes**2)
        drawn[repeat] = counts.reshape(n_classes, n_classes)
    return float(np.std(scaled_mccs(drawn), ddof=1))


def calibration_error(probability: F8, right: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Return the expected calibration error: the mean gap of confidence and accuracy over bins of equal mass.

    Parameters
    ----------
    probability : (n,) float64
        Of the label given.
    right : (n,) bool
        Whether the label was right.

    References
    ----------
    Naeini et al. (2015), AAAI 29, 2901; bins of equal mass: Nixon et al. (2019), arXiv:1904.01685.
    """
    groups = _equal_mass(probability, bins)
    gaps = [group.size * abs(probability[group].mean() - right[group].mean()) for group in groups]
    return float(sum(gaps) / len(probability))


def calibration_noise(probability: F8, *, bins: int = 15) -> float:
    """Return about the expected calibration error of honest probabilities: what chance makes of so many.

    In a bin where each label is right with the probability stated, the number of right ones scatters by the
    square root of the sum of p (1 - p); the mean of a normal deviate's size is sqrt(2 / pi). That is too
    much where hardly any would be wrong, and too little where light curves of one star are right together.

    Parameters
    ----------
    probability : (n,) float64
        Of the label given.
    """
    groups = _equal_mass(probability, bins)
    scatter = [np.sqrt((probability[group] * (1.0 - probability[group])).sum()) for group in groups]
    return float(np.sqrt(2.0 / np.pi) * sum(scatter) / len(probability))


def _equal_mass(probability: F8, bins: int) -> list[I8]:
    """Rows of each bin, none empty."""
    order = np.argsort(probability, kind="stable")
    return [group for group in np.array_split(order, bins) if group.size]


def rounded(values: Any) -> Any:
    """Round every float in nested values to the four decimals that a manifest states."""
    if isinstance(values, dict):
        return {key: rounded(value) for key, value in values.items()}
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return round(values, 4) if isinstance(values, float) else values
