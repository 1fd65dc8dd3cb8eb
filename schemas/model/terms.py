"""The terms of a model: its answers -> what is published of them, by the limits that its manifest states.

Whoever asks a model goes this way: priors, then the most probable class, the limit for a label, and novelty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.model.manifest import Manifest
from schemas.model.novelty import novelty
from schemas.model.priors import with_priors
from schemas.model.verdict import Verdicts, verdicts

NO_PRIORS: Mapping[str, float] = {}


def by_terms(
    manifest: Manifest,
    probabilities: ArrayLike,
    oddness: NDArray[np.float64],
    n_epochs: NDArray[np.int64],
    scored: NDArray[np.bool_],
    *,
    fused: NDArray[np.bool_] | None = None,
    priors: Mapping[str, float] = NO_PRIORS,
) -> Verdicts:
    """Decide on n answers by the terms of a model.

    Parameters
    ----------
    probabilities : (n, k) array_like
        As the model gives them, combined where they are of several bands.
    oddness : (n,) float64
        Of each light curve, or of the merged curve; NaN where there is none.
    n_epochs : (n,) int64
        Epochs used, of all bands where they are together.
    scored : (n,) bool
        Which the model may be asked about.
    fused : (n,) bool, optional
        Which are of several bands together: they have terms of their own.
    priors : mapping of str to float
        In the place of the model's own, of some or all classes.

    Raises
    ------
    ValueError
        If the priors do not fit the model; see `priors_fault`.
    """
    said = np.asarray(probabilities, np.float64)
    several = np.zeros(len(said), np.bool_) if fused is None else fused
    limits, novel_below = limits_of(manifest, several)
    odd = np.full(len(said), np.nan)
    for rows, terms in ((~several, _of_bands(manifest)), (several, manifest.fused or {})):
        if priors and rows.any():
            said = np.where(rows[:, None], with_priors(said, terms["priors"], priors), said)
        if terms.get("novelty") is not None:
            odd[rows] = novelty(oddness[rows], n_epochs[rows], terms["novelty"])
    return verdicts(said, scored, limits=limits, novelty=odd, novel_below=novel_below)


def limits_of(
    manifest: Manifest, fused: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of a model for n answers, some of which (n,) are of several bands together.

    Returns
    -------
    limits : (n, k) float64
        Probability from which each class is a label.
    novel_below : (n,) float64
        Novelty below which there is none; 0 where the model says nothing of it.
    """
    limits = np.tile(manifest.label_limits(), (len(fused), 1))
    limits[fused] = manifest.label_limits(fused=True)
    novel_below = np.zeros(len(fused))
    for rows, terms in ((~fused, _of_bands(manifest)), (fused, manifest.fused or {})):
        if terms.get("novelty") is not None:
            novel_below[rows] = terms["novelty"]["limit"]
    return limits, novel_below


def priors_fault(manifest: Manifest, priors: Mapping[str, float]) -> str | None:
    """Say why a model's answers cannot have these priors; None where they can."""
    if not priors:
        return None
    model = f"model {manifest.name} {manifest.version}"
    for terms in (_of_bands(manifest), manifest.fused):
        if terms is None:
            continue
        if not terms.get("priors"):
            return f"{model} does not state which priors it was made for: others cannot be set"
        try:
            with_priors(np.ones((1, len(manifest.classes))), terms["priors"], priors)
        except ValueError as exc:
            return f"{model}: {exc}"
    return None


def _of_bands(manifest: Manifest) -> Mapping[str, Any]:
    return {"priors": manifest.priors, "novelty": manifest.novelty}
