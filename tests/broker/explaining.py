"""Models with a background, as if their training stars were those of a simulated stream, and without."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copytree

import numpy as np

from broker.classify.classifier import Classifier
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from schemas.explanation.background import BACKGROUND_FILE, BACKGROUND_SHA256
from schemas.explanation.explainer import Explainer
from schemas.model.manifest import load_manifest
from schemas.model.shipped import find_model
from tests.broker.streams import annotator, decoder, fusing, packets, simulated
from training.artifact.background import write_background


@cache
def rows() -> np.ndarray:
    """Features (n, 16) of light curves and stars of a simulated stream, all finite, in random order."""
    batch = Pipeline(decoder(), annotator(fusing()), MemoryStore()).annotate(
        packets([a.payload for a in simulated()][:400])
    )
    scored = [a.record for a in batch.annotations if a.record["probabilities"] is not None]
    values = np.array([list(record["features"].values()) for record in scored])
    return np.random.default_rng(0).permutation(values)


@cache
def background() -> np.ndarray:
    return rows()[:100]


def explainer(model: Classifier | None = None, **changes) -> Explainer:
    judge = model or fusing()
    return Explainer(judge.artifact, background(), priors=judge.priors, **changes)


def model_with_background(folder: Path, *, name: str = "varstream-ztf") -> Path:
    """Copy a shipped model and give it a background, as training would."""
    copytree(find_model(name), folder)
    manifest = load_manifest(folder)
    digest = write_background(folder, background())
    replace(manifest, training={**manifest.training, BACKGROUND_SHA256: digest}).save(folder)
    return folder


def model_without_background(folder: Path, *, name: str = "varstream-ztf") -> Path:
    """Copy a shipped model as if it had been made before models came with a background."""
    copytree(find_model(name), folder)
    (folder / BACKGROUND_FILE).unlink()
    manifest = load_manifest(folder)
    training = {key: value for key, value in manifest.training.items() if key != BACKGROUND_SHA256}
    replace(manifest, training=training).save(folder)
    return folder
