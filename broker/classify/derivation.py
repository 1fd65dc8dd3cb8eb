"""The derivation: what a record's values follow from beside the light curve, and the digest of that."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from broker.classify.classifier import Classifier
from broker.ingest.vetting import VettingRules
from broker.state.light_curve import BandSeries
from features.compilation.source_hash import source_hash
from schemas.classification import CLASSIFICATION_VERSION

STATED_RELIABILITY = ("n_epochs_min", "n_epochs_max", "accuracy", "mc", "calibration_error")
"""What a record says of its bin of `Manifest.reliability`."""


def derivation_of(classifier: Classifier, rules: VettingRules, survey: str) -> str:
    """SHA-256, in hexadecimal, of everything but epochs that a record of this survey follows from.

    That is the model's graph with the terms of its use and what is stated of its reliability, the code that
    computes features, the record's major version, and the rules by which the survey's epochs are vetted.
    Workers of equal settings agree on it; how many alerts they take at once, or where they read them, changes
    nothing.
    """
    manifest = classifier.manifest
    parts = {
        "model": manifest.sha256,
        "abstain_below": float(manifest.abstain_below),
        "clip_sigma": None if manifest.clip_sigma is None else float(manifest.clip_sigma),
        "convention": manifest.convention,
        "made_for": manifest.survey,
        "reliability": [[row[name] for name in STATED_RELIABILITY] for row in manifest.reliability],
        "min_epochs": classifier.min_epochs,
        "features": source_hash(),
        "record": CLASSIFICATION_VERSION.partition(".")[0],
        "vetting": rules.of(survey),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digest_of(series: BandSeries) -> str:
    """SHA-256, in hexadecimal, of the times, magnitudes and errors of a band's epochs.

    It does not know in which order they came; an unknown error is equal to any other.
    """
    errors = np.where(np.isnan(series.mag_err), np.nan, series.mag_err)
    columns = np.stack([series.time, series.mag, errors]).astype("<f8")
    return hashlib.sha256(columns.tobytes()).hexdigest()
