"""The published record: what it says, and the id by which repeats are dropped and corrections are not."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from broker.alert import Alert, Annotation
from broker.classify.classifier import FusedScores, Scores
from broker.classify.derivation import STATED_RELIABILITY, digest_of
from broker.classify.reasons import reasons
from broker.state.light_curve import BandSeries
from broker.state.star_series import StarSeries
from features import FEATURE_NAMES, SURVEY_BANDS, status_names
from schemas.classification import CLASSIFICATION_VERSION
from schemas.explanation.explainer import Explainer
from schemas.model.manifest import Manifest, bin_of
from schemas.model.terms import NO_PRIORS
from schemas.model.verdict import with_verdict

_ID_NAMESPACE = uuid.UUID("6f1c1b0e-52a8-5d0c-9d1e-6a54b1a6d0a7")
_OTHER_SURVEY = "OTHER_SURVEY"


class RecordMaker:
    """Makes records for one model.

    Parameters
    ----------
    derivation : callable
        Tells, by how an alert was vetted, what its records of bands follow from beside the epochs, see
        `broker.classify.derivation`.
    fused_derivation : callable, optional
        The same of records of all bands together; None where the model makes none.
    priors : mapping of str to float
        In the place of the model's own, of some or all classes.
    explainer : Explainer, optional
        Of the model, where records name the features that speak for and against their class.
    """

    def __init__(
        self,
        manifest: Manifest,
        derivation: Callable[[str], str],
        fused_derivation: Callable[[str], str] | None = None,
        *,
        priors: Mapping[str, float] = NO_PRIORS,
        explainer: Explainer | None = None,
    ) -> None:
        self._manifest = manifest
        self._explainer = explainer
        self._made_for = manifest.survey
        self._derivation = derivation
        self._fused_derivation = fused_derivation
        self._priors = dict(priors) or None
        self._model = {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}

    def make(
        self,
        alert: Alert,
        series: BandSeries,
        scores: Scores,
        row: int,
    ) -> Annotation:
        """Record of the light curve in row `row` of `scores`."""
        own = {
            **self.answer(scores, row, self._manifest.reliability, survey=alert.survey),
            "explanation": self._reasons(scores, row),
            "n_forced": int(series.forced.sum()),
            "outlier": _outlier(scores.outlier[row], series, series.band),
            "bands": None,
            "derivation": self._derivation(alert.vetting),
        }
        return self._annotation(alert, series, own)

    def make_fused(
        self,
        alert: Alert,
        series: StarSeries,
        fused: FusedScores,
        row: int,
    ) -> Annotation:
        """Record of all bands of the star in row `row` of `fused`."""
        manifest, together = self._manifest, fused.together
        if manifest.fused is None or self._fused_derivation is None:
            raise ValueError(f"model {manifest.name} {manifest.version} makes no record of all bands")
        bins = manifest.reliability if fused.one_band[row] else manifest.fused["reliability"]
        usable = together.usable[row]
        n_used = together.bands.n_used.reshape(together.usable.shape)[row]
        place = int(fused.scores.outlier[row])
        own = {
            **self.answer(fused.scores, row, bins, survey=alert.survey),
            "explanation": self._reasons(fused, row),
            "n_forced": int((series.forced & usable[series.number]).sum()),
            "outlier": _outlier(place, series, SURVEY_BANDS[series.number[place]] if place >= 0 else ""),
            "bands": [
                {
                    "band": SURVEY_BANDS[number],
                    "n_epochs": int(n_used[number]),
                    "level": _known(together.level[row, number]),
                    "amplitude_ratio": _known(together.amplitude_ratio[row, number]),
                }
                for number in np.flatnonzero(usable).tolist()
            ],
            "derivation": self._fused_derivation(alert.vetting),
        }
        return self._annotation(alert, series, own)

    def _reasons(self, scored: Scores | FusedScores, row: int) -> dict[str, list[str]] | None:
        return None if self._explainer is None else reasons(self._explainer, scored, row)

    def answer(
        self, scores: Scores, row: int, bins: Sequence[Mapping[str, Any]], *, survey: str
    ) -> dict[str, Any]:
        """Say what was measured and what the model says, of one light curve or of one star."""
        manifest, measured, said = self._manifest, scores.measured, scores.verdicts
        n_epochs = int(measured.n_used[row])
        label = probability = probabilities = reliability = novelty = None
        if scores.scored[row]:
            probability = float(said.probability[row])
            probabilities = dict(zip(manifest.classes, said.probabilities[row].tolist(), strict=True))
            novelty = _known(said.novelty[row])
            expected = bin_of(bins, n_epochs)
            if expected is not None:
                reliability = {name: expected[name] for name in STATED_RELIABILITY}
            if said.given[row]:
                label = manifest.classes[said.best[row]]
        other_survey = [_OTHER_SURVEY] if self._made_for not in (None, survey) else []
        status = with_verdict(
            [*status_names(int(measured.status[row])), *other_survey],
            scored=bool(scores.scored[row]),
            sure=bool(said.sure[row]),
            novel=bool(said.novel[row]),
            below_min_epochs=bool(scores.below_min_epochs[row]),
        )
        clipped = int(scores.out_of_range[row])
        return {
            "n_epochs": n_epochs,
            "baseline_d": float(measured.baseline_d[row]),
            "n_nights": int(measured.n_nights[row]),
            "n_outliers": int(measured.n_outliers[row]),
            "label": label,
            "probability": probability,
            "probabilities": probabilities,
            "reliability": reliability,
            "novelty": novelty,
            "priors": self._priors,
            "status": status,
            "out_of_range": [name for j, name in enumerate(FEATURE_NAMES) if clipped >> j & 1],
            "features": {
                name: _known(value) for name, value in zip(FEATURE_NAMES, measured.values[row], strict=True)
            },
            "p_period": _known(measured.p_period[row]),
            "period_fap": _known(measured.period_fap[row]),
            "period_err_d": _known(measured.period_err_d[row]),
            "period_rival_d": _known(measured.period_rival_d[row]),
        }

    def _annotation(
        self, alert: Alert, series: BandSeries | StarSeries, own: Mapping[str, Any]
    ) -> Annotation:
        """Put together what is the record's own and what it says of its alert, and give it its id."""
        arrival = alert.arrival
        record: dict[str, Any] = {
            "survey": alert.survey,
            "object_id": alert.object_id,
            "source_id": str(alert.source_id),
            "band": series.band,
            "mjd": alert.mjd,
            "time_scale": alert.time_scale,
            "ra": alert.ra,
            "dec": alert.dec,
            **own,
            "model": self._model,
            "convention": self._manifest.convention,
            "schema_version": CLASSIFICATION_VERSION,
            "source": asdict(arrival.origin),
            "upstream_time_us": None if arrival.upstream_ms is None else arrival.upstream_ms * 1000,
            "ingest_time_us": arrival.ingest_time_us,
        }
        what = (alert.key, str(alert.source_id), series.band, own["derivation"], digest_of(series))
        return Annotation(alert.key, uuid.uuid5(_ID_NAMESPACE, "/".join(what)), record)


def _outlier(place: int | np.int64, series: BandSeries | StarSeries, band: str) -> dict[str, Any] | None:
    """Say which point of the series it is, by the time that the survey reports; None for -1."""
    if place < 0:
        return None
    return {"band": band, "mjd": float(series.mjd[place]), "mag": float(series.mag[place])}


def _known(value: float) -> float | None:
    """Return a number as records hold it: JSON has no NaN."""
    return float(value) if math.isfinite(value) else None
