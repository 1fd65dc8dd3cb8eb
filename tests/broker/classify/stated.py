"""Annotations of a short stream by the shipped model, with whatever its manifest may state."""

from __future__ import annotations

from dataclasses import replace

from broker.classify.classifier import Classifier
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from schemas.model.artifact import Artifact
from tests.broker.streams import annotator, classifier, decoder, packets, reliability_bin, simulated

BINS = (reliability_bin(10, 14), reliability_bin(15, 24, accuracy=0.7), reliability_bin(25, None))
PAYLOADS = [alert.payload for alert in simulated()][:400]


def annotations(**stated):
    """Annotations of a short stream by the shipped model, had its manifest stated this."""
    artifact = classifier()._artifact
    nothing = {"reliability": (), "abstain_below": 0.0, "abstain_below_by_class": {}}
    manifest = replace(artifact.manifest, **(nothing | stated))
    model = Classifier(Artifact(manifest, artifact._session))
    return Pipeline(decoder(), annotator(model), MemoryStore()).annotate(packets(PAYLOADS)).annotations
