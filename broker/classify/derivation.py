"""The derivation: what a record's values follow from beside the light curve, and the digest of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from broker.classify.classifier import Classifier
from broker.code_digest import code_digest
from broker.state.light_curve import BandSeries
from broker.state.star_series import StarSeries
from features.compilation.source_hash import source_hash
from schemas.classification import CLASSIFICATION_VERSION
from schemas.explanation import explainer as explainer_module
from schemas.explanation import shapley
from schemas.explanation.explainer import Explainer
from schemas.model import fusion, novelty, priors, terms, verdict

STATED_RELIABILITY = ("n_epochs_min", "n_epochs_max", "accuracy", "mc", "calibration_error")
"""What a record says of its bin of `Manifest.reliability`."""


def derivation_of(
    classifier: Classifier, vetting: str, *, fused: bool = False, explainer: Explainer | None = None
) -> str:
    """SHA-256, in hexadecimal, of everything but epochs that a record follows from.

    That is the model's graph with the terms of its use, the priors in use and what is stated of its
    reliability, the code that computes features, the record's major version, and how the alert's epochs were
    vetted: the digest `vetting`.
    A fused record follows from the terms and the reliability of fused answers and from the code that fuses
    them as well; one that names its reasons follows from the background and from the code that explains.
    Workers of equal settings agree on it; how many alerts they take at once, where they read them, or which
    kinds of records they publish, changes nothing.

    Raises
    ------
    ValueError
        If the model states nothing of fused answers, and that of a fused record is asked for.
    """
    manifest = classifier.manifest
    parts: dict[str, Any] = {
        "model": manifest.sha256,
        "limits": manifest.label_limits().tolist(),
        "terms": _terms(manifest.priors, manifest.novelty),
        "priors": classifier.priors,
        "clip_sigma": None if manifest.clip_sigma is None else float(manifest.clip_sigma),
        "convention": manifest.convention,
        "made_for": manifest.survey,
        "reliability": _stated(manifest.reliability),
        "min_epochs": classifier.min_epochs,
        "features": source_hash(),
        "terms_code": [code_digest(module) for module in (novelty, priors, terms, verdict)],
        "record": CLASSIFICATION_VERSION.partition(".")[0],
        "vetting": vetting,
    }
    if fused:
        if manifest.fused is None:
            raise ValueError(f"model {manifest.name} {manifest.version} states nothing of fused answers")
        parts["fused"] = {
            "min_epochs": manifest.fused["min_epochs"],
            "temperature": float(manifest.fused["temperature"]),
            "limits": manifest.label_limits(fused=True).tolist(),
            "terms": _terms(manifest.fused.get("priors", {}), manifest.fused.get("novelty")),
            "reliability": _stated(manifest.fused["reliability"]),
            "code": code_digest(fusion),
        }
    if explainer is not None:
        background = hashlib.sha256(explainer.background.astype("<f8").tobytes()).hexdigest()
        parts["explanation"] = {"background": background, "code": _code_of_explanation()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digest_of(series: BandSeries | StarSeries) -> str:
    """SHA-256, in hexadecimal, of the epochs of a band, or of all bands of a star.

    That is of their times, magnitudes and errors, of the times as reported, and of which are forced. It does
    not know in which order they came; an unknown error is equal to any other.
    """
    errors = np.where(np.isnan(series.mag_err), np.nan, series.mag_err)
    columns = [series.time, series.mag, errors, series.mjd, series.forced]
    if isinstance(series, StarSeries):
        columns.append(series.number)
    return hashlib.sha256(np.stack(columns).astype("<f8").tobytes()).hexdigest()


def _terms(made_for: Mapping[str, float], table: Mapping[str, Any] | None) -> list[Any]:
    """Return what priors are held against, and the table of novelty without its numbers of stars."""
    stated = None if table is None else {**table, "bins": [_oddness(each) for each in table["bins"]]}
    return [dict(made_for), stated]


def _oddness(each: Mapping[str, Any]) -> list[Any]:
    return [each["n_epochs_min"], list(each["oddness"])]


def _stated(bins: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [[row[name] for name in STATED_RELIABILITY] for row in bins]


def _code_of_explanation() -> list[str]:
    return [code_digest(module) for module in (explainer_module, shapley)]
