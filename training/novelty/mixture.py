"""Gaussian mixture: how dense training rows lie where a light curve is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

F8 = NDArray[np.float64]

COMPONENTS = 32
ROWS_A_COMPONENT = 40
"""Fewer rows than this a component make fewer components."""

ADDED_VARIANCE = 0.02
"""Added to each variance: features are clipped, and rows of one value would make a density without bound."""

MOST_ROWS = 25_000
"""Training rows that it is fitted to."""

MOST_ROUNDS = 200
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of k Gaussians over d standard scores.

    Attributes
    ----------
    log_weight : (k,) float64
        Logarithm of each one's weight over the volume of its unit ellipsoid: what its exponential is
        multiplied by.
    whitening, shift : (k, d, d), (k, d) float64
        ``whitening @ x - shift`` is of unit variance if x is of the component.
    """

    log_weight: F8
    whitening: F8
    shift: F8

    def surprise(self, scores: F8) -> F8:
        """Minus the logarithm of the density (n,) at standard scores (n, d)."""
        result = np.empty(len(scores))
        for first in range(0, len(scores), ROWS_AT_ONCE):
            some = slice(first, first + ROWS_AT_ONCE)
            white = np.einsum("kij,nj->nki", self.whitening, scores[some]) - self.shift
            result[some] = -logsumexp(self.log_weight - 0.5 * (white**2).sum(axis=2), axis=1)
        return result


def fit_mixture(scores: F8, weight: F8, *, seed: int) -> Mixture:
    """Fit a mixture of full covariances to rows (n, d), drawn by their weights (n,).

    Some rows that say the same, `MOST_ROWS` at most, are drawn without repeats.

    References
    ----------
    Dempster, Laird and Rubin (1977), J. R. Stat. Soc. B 39, 1.
    """
    rng = np.random.default_rng(seed)
    size = min(MOST_ROWS, int(np.count_nonzero(weight)))
    rows = np.sort(rng.choice(len(scores), size, replace=False, p=weight / weight.sum()))
    fit = GaussianMixture(
        max(min(COMPONENTS, size // ROWS_A_COMPONENT), 1),
        reg_covar=ADDED_VARIANCE,
        max_iter=MOST_ROUNDS,
        random_state=seed,
    )
    with threadpool_limits(1):  # the same sums in the same order on any machine
        fit.fit(scores[rows])
    return mixture_of(fit.weights_, fit.means_, fit.precisions_cholesky_)


def mixture_of(weights: F8, means: F8, precisions_cholesky: F8) -> Mixture:
    """Return the mixture of some weights (k,) and means (k, d), and triangular roots of its precisions.

    Its matrices have the digits of single precision, in which a model's graph keeps them.
    """
    whitening = _rounded(np.swapaxes(precisions_cholesky, 1, 2))
    log_volume = -np.log(np.diagonal(whitening, axis1=1, axis2=2)).sum(axis=1)
    d = means.shape[1]
    log_weight = np.log(weights) - log_volume - 0.5 * d * np.log(2.0 * np.pi)
    return Mixture(log_weight, whitening, _rounded(np.einsum("kij,kj->ki", whitening, means)))


def _rounded(values: F8) -> F8:
    return values.astype(np.float32).astype(np.float64)
