"""The fused answer: one set of class probabilities for a star, from its merged curve and from its bands.

Whoever asks a model about stars in several bands, a worker or training, combines its answers by this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEFAULT_MIN_EPOCHS = 15
"""Fewest epochs over all bands: the period is then as often right as with ten in one band."""

_TINY = np.finfo(np.float64).tiny  # in the place of a probability that single precision cannot hold


def fuse(
    merged: ArrayLike, bands: ArrayLike, one_band: NDArray[np.bool_], *, temperature: float
) -> NDArray[np.float64]:
    """Combine a model's answers to the merged curves of n stars with those to their bands.

    A star of several bands gets ``q ** (1 / temperature)``, normalised, where q is the square root of the
    answer to its merged curve times the mean of the answers to its bands, or the answer to its merged curve
    where no band could be asked about. Combined answers are surer than right, hence a temperature of their
    own (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    merged : (n, k) array_like
        Probabilities of k classes by the merged curve; NaN where it was not scored.
    bands : (n, b, k) array_like
        Probabilities by each band at the joint period; NaN where there is no such band or it has too few
        points to be asked about.
    one_band : (n,) bool
        Stars of a single usable band: `merged` is then that band's own answer, calibrated as such, and stays
        as it is.
    temperature : float
        Above 0; more than 1 makes answers less sure.

    Returns
    -------
    (n, k) float64
        Probabilities that sum to one; NaN where `merged` is.

    Raises
    ------
    ValueError
        If the shapes do not fit together, or the temperature is not above 0.
    """
    whole, parts = np.asarray(merged, np.float64), np.asarray(bands, np.float64)
    if whole.ndim != 2 or parts.ndim != 3 or parts.shape[::2] != whole.shape:
        raise ValueError(f"answers have shapes {whole.shape}, {parts.shape}; they must be (n, k), (n, b, k)")
    if np.shape(one_band) != whole.shape[:1]:
        raise ValueError(f"one_band has shape {np.shape(one_band)}, there are {len(whole)} stars")
    if not 0.0 < temperature < np.inf:
        raise ValueError(f"temperature must be above 0, got {temperature!r}")
    asked = np.asarray(np.isfinite(parts).all(axis=2))
    n_asked = asked.sum(axis=1).reshape(-1, 1)
    mean = np.where(asked[:, :, None], parts, 0.0).sum(axis=1) / np.maximum(n_asked, 1)
    score = np.log(np.maximum(whole, _TINY))
    score = np.where(n_asked > 0, (score + np.log(np.maximum(mean, _TINY))) / 2.0, score) / temperature
    share = np.exp(score - score.max(axis=1, keepdims=True, initial=-np.inf))
    return np.where(one_band[:, None], whole, share / share.sum(axis=1, keepdims=True))
