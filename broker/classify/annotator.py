"""The annotator: bands and stars that alerts changed -> their records, each by the model of its survey."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from broker.alert import Alert, Annotation
from broker.classify.annotation import RecordMaker
from broker.classify.classifier import Classifier, FusedScores, Scores
from broker.classify.derivation import derivation_of
from broker.errors import ConfigError
from broker.state.light_curve import BandSeries
from broker.state.star_series import StarSeries
from features import CONVENTIONS
from schemas.explanation.explainer import Explainer

NO_EXPLAINERS: Mapping[str, Explainer] = {}

log = logging.getLogger(__name__)

Changed = tuple[Alert, BandSeries | StarSeries]
"""An alert, and what that changed as it stood right after it: a band, or all bands together."""

_BandRow = tuple[int, Alert, BandSeries]
_StarRow = tuple[int, Alert, StarSeries]
"""Place among what changed, and what stands there."""


class Annotator:
    """Scores light curves and makes their records.

    Parameters
    ----------
    classifiers : mapping of str to Classifier
        By survey.
    annotate_unscored : bool
        Whether what cannot be scored yet gets a record with its status and no label.
    annotate_bands : bool
        Whether single bands have records.
    annotate_fused : bool
        Whether stars have one of all their bands together, where the model of their survey makes them.
    explainers : mapping of str to Explainer
        By survey: the records of these name the features that speak for and against their class.

    Attributes
    ----------
    annotate_bands : bool
        See there.
    fused_surveys : frozenset of str
        Surveys whose stars have records of all their bands together.

    Raises
    ------
    ConfigError
        If a survey would have no records at all.
    """

    def __init__(
        self,
        classifiers: Mapping[str, Classifier],
        *,
        annotate_unscored: bool = True,
        annotate_bands: bool = True,
        annotate_fused: bool = True,
        explainers: Mapping[str, Explainer] = NO_EXPLAINERS,
    ) -> None:
        fusing = {survey for survey, classifier in classifiers.items() if annotate_fused and classifier.fuses}
        if not annotate_bands:
            silent = sorted(classifiers.keys() - fusing)
            for survey in silent:
                why = why_not_fused(classifiers[survey]) if annotate_fused else "so are those of all bands"
                raise ConfigError(
                    f"alerts of {' and '.join(silent)} would have no records: "
                    f"those of single bands are switched off, and {why}"
                )
        self.annotate_bands = annotate_bands
        self._annotate_fused = annotate_fused
        self.fused_surveys = frozenset(fusing)
        self._classifiers = dict(classifiers)
        self._makers = {
            survey: RecordMaker(
                classifier.manifest,
                _derivation(classifier, explainers.get(survey)),
                _derivation(classifier, explainers.get(survey), fused=True) if survey in fusing else None,
                priors=classifier.priors,
                explainer=explainers.get(survey),
            )
            for survey, classifier in classifiers.items()
        }
        self._annotate_unscored = annotate_unscored

    def annotate(self, changed: Sequence[Changed]) -> list[Annotation]:
        """Return the records of what changed, in its order; what is of one model is scored at once.

        The bands of an alert stand right before its star. A star of one band is measured once, for both.
        """
        bands: dict[Classifier, list[_BandRow]] = {}
        stars: dict[Classifier, list[_StarRow]] = {}
        for place, (alert, series) in enumerate(changed):
            classifier = self._classifiers[alert.survey]
            if isinstance(series, StarSeries):
                stars.setdefault(classifier, []).append((place, alert, series))
            else:
                bands.setdefault(classifier, []).append((place, alert, series))
        annotations: dict[int, Annotation] = {}
        measured: dict[int, tuple[Scores, int]] = {}
        for classifier, of_stars in stars.items():
            fused = score_together(classifier, [star for *_, star in of_stars])
            for row, (place, alert, star) in enumerate(of_stars):
                if fused.together.usable[row].any():
                    for band in _same_epochs(changed, place, star):
                        measured[band] = fused.scores, row
                if fused.scores.scored[row] or self._annotate_unscored:
                    maker = self._makers[alert.survey]
                    annotations[place] = maker.make_fused(alert, star, fused, row)
        for classifier, of_bands in bands.items():
            left = [band for band in of_bands if band[0] not in measured]
            if left:
                scores = score(classifier, [series for *_, series in left])
                measured.update({place: (scores, row) for row, (place, *_) in enumerate(left)})
            for place, alert, series in of_bands:
                scores, row = measured[place]
                if scores.scored[row] or self._annotate_unscored:
                    maker = self._makers[alert.survey]
                    annotations[place] = maker.make(alert, series, scores, row)
        return [annotations[place] for place in sorted(annotations)]

    def say_what_is_not_fused(self) -> None:
        """Log of which surveys there will be no records of all bands together, though they are asked for."""
        if self._annotate_fused:
            for survey in sorted(self._classifiers.keys() - self.fused_surveys):
                reason = why_not_fused(self._classifiers[survey])
                log.warning("no fused records", extra={"survey": survey, "reason": reason})


def _derivation(
    classifier: Classifier, explainer: Explainer | None, *, fused: bool = False
) -> Callable[[str], str]:
    """Return what tells the derivation of records by how their alert was vetted."""
    return cache(lambda vetting: derivation_of(classifier, vetting, fused=fused, explainer=explainer))


def why_not_fused(classifier: Classifier) -> str:
    """Say why a model that does not fuse gives no record of all bands of a star together."""
    manifest = classifier.manifest
    model = f"model {manifest.name} {manifest.version}"
    if not CONVENTIONS[manifest.convention].by_support:
        return f"{model} is of convention {manifest.convention}, in which bands are not measured together"
    return f"{model} states nothing of fused answers"


def score(classifier: Classifier, series: Sequence[BandSeries]) -> Scores:
    """Score bands by a model; see `Classifier.score`."""
    return classifier.score(
        np.concatenate([one.time for one in series]),
        np.concatenate([one.mag for one in series]),
        np.concatenate([one.mag_err for one in series]),
        _offsets(series),
    )


def score_together(classifier: Classifier, stars: Sequence[StarSeries]) -> FusedScores:
    """Score stars, all bands of each together, by a model; see `Classifier.score_together`."""
    return classifier.score_together(
        np.concatenate([one.time for one in stars]),
        np.concatenate([one.mag for one in stars]),
        np.concatenate([one.mag_err for one in stars]),
        np.concatenate([one.number for one in stars]),
        _offsets(stars),
    )


def _same_epochs(changed: Sequence[Changed], place: int, star: StarSeries) -> list[int]:
    """Return the places of the bands of a star's alert that have just the star's epochs, in its order."""
    places = []
    for before in range(place - 1, -1, -1):
        alert, band = changed[before]
        if alert is not changed[place][0] or isinstance(band, StarSeries):
            break
        if (
            star.bands == {band.band}
            and np.array_equal(star.time, band.time)
            and np.array_equal(star.mag, band.mag, equal_nan=True)
            and np.array_equal(star.mag_err, band.mag_err, equal_nan=True)
        ):
            places.append(before)
    return places


def _offsets(series: Sequence[BandSeries | StarSeries]) -> NDArray[np.int64]:
    return np.cumsum([0, *(one.time.size for one in series)], dtype=np.int64)
