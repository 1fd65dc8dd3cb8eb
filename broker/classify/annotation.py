"""The published record: what it says, and the id by which repeats are dropped and corrections are not."""

from __future__ import annotations

import math
import uuid
from dataclasses import asdict
from typing import Any

from broker.alert import Alert, Annotation, Packet
from broker.classify.classifier import Scores
from broker.classify.derivation import STATED_RELIABILITY, digest_of
from broker.state.light_curve import BandSeries
from features import FEATURE_NAMES, status_names
from schemas.classification import CLASSIFICATION_VERSION
from schemas.model.manifest import Manifest, expected_reliability
from schemas.model.verdict import with_verdict

_ID_NAMESPACE = uuid.UUID("6f1c1b0e-52a8-5d0c-9d1e-6a54b1a6d0a7")
_OTHER_SURVEY = "OTHER_SURVEY"


class RecordMaker:
    """Makes records for one model.

    Parameters
    ----------
    derivation : str
        Of everything but epochs that the records follow from, see `broker.classify.derivation`.
    """

    def __init__(self, manifest: Manifest, derivation: str) -> None:
        self._manifest = manifest
        self._derivation = derivation
        self._model = {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}

    def make(
        self,
        packet: Packet,
        alert: Alert,
        series: BandSeries,
        scores: Scores,
        row: int,
        *,
        ingest_time_us: int,
    ) -> Annotation:
        """Record of the light curve in row `row` of `scores`."""
        manifest = self._manifest
        said = scores.verdicts
        n_epochs = int(scores.n_epochs[row])
        label = probability = probabilities = reliability = None
        if scores.scored[row]:
            probability = float(said.probability[row])
            probabilities = dict(zip(manifest.classes, said.probabilities[row].tolist(), strict=True))
            expected = expected_reliability(manifest, n_epochs)
            if expected is not None:
                reliability = {name: expected[name] for name in STATED_RELIABILITY}
            if said.given[row]:
                label = manifest.classes[said.best[row]]
        other_survey = [_OTHER_SURVEY] if manifest.survey not in (None, alert.survey) else []
        status = with_verdict(
            [*status_names(int(scores.status[row])), *other_survey],
            scored=bool(scores.scored[row]),
            given=bool(said.given[row]),
            below_min_epochs=bool(scores.below_min_epochs[row]),
        )
        clipped = int(scores.out_of_range[row])
        record: dict[str, Any] = {
            "survey": alert.survey,
            "object_id": alert.object_id,
            "source_id": str(alert.source_id),
            "band": series.band,
            "mjd": alert.mjd,
            "time_scale": alert.time_scale,
            "ra": alert.ra,
            "dec": alert.dec,
            "n_epochs": n_epochs,
            "baseline_d": float(scores.baseline_d[row]),
            "label": label,
            "probability": probability,
            "probabilities": probabilities,
            "reliability": reliability,
            "status": status,
            "out_of_range": [name for j, name in enumerate(FEATURE_NAMES) if clipped >> j & 1],
            "features": {
                name: float(value) if math.isfinite(value) else None
                for name, value in zip(FEATURE_NAMES, scores.features[row], strict=True)
            },
            "model": self._model,
            "convention": manifest.convention,
            "derivation": self._derivation,
            "schema_version": CLASSIFICATION_VERSION,
            "source": asdict(packet.origin),
            "upstream_time_us": None if packet.upstream_ms is None else packet.upstream_ms * 1000,
            "ingest_time_us": ingest_time_us,
        }
        what = (alert.key, str(alert.source_id), series.band, self._derivation, digest_of(series))
        return Annotation(alert.key, uuid.uuid5(_ID_NAMESPACE, "/".join(what)), record)
