"""The answers of a model: what it says about light curves, by the rules of the worker.

Every command and the library ask here; no torch is involved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features import MIN_POINTS, extract, status_names
from schemas.model.artifact import Artifact
from schemas.model.terms import NO_PRIORS, by_terms
from schemas.model.verdict import OTHER, Verdicts, verdicts, with_verdict
from training.data.light_curves import LightCurves
from training.examples.augment import Kind
from training.examples.feature_table import FeatureTable, View
from training.examples.fused_examples import FusedExamples


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model said about n light curves.

    Attributes
    ----------
    probabilities : (n, k) float64
        NaN where not scored.
    scored : (n,) bool
        Whether the model was asked about the light curve.
    has_other : bool
        Whether the last class is `schemas.model.verdict.OTHER`, which is never a label.
    novelty : (n,) float64, optional
        See `schemas.model.novelty`; NaN where not scored.
    """

    probabilities: NDArray[np.float64]
    scored: NDArray[np.bool_]
    has_other: bool = False
    novelty: NDArray[np.float64] | None = None

    @classmethod
    def join(cls, parts: Sequence[Answers]) -> Answers:
        """One after the other."""
        novelty = [part.novelty for part in parts if part.novelty is not None]
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.scored for part in parts]),
            parts[0].has_other,
            np.concatenate(novelty) if novelty else None,
        )

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Answers:
        """Copy those about some of the light curves."""
        novelty = None if self.novelty is None else self.novelty[rows]
        return Answers(self.probabilities[rows], self.scored[rows], self.has_other, novelty)

    def verdicts(self, limits: ArrayLike = 0.0, novel_below: ArrayLike = 0.0) -> Verdicts:
        """Return the most probable classes, and where they are given as labels.

        Parameters
        ----------
        limits : float, (k,) or (n, k) array_like
            Probability from which each class is a label.
        novel_below : float or (n,) array_like
            Novelty below which there is none.
        """
        limit = np.broadcast_to(limits, self.probabilities.shape).astype(np.float64)
        if self.has_other:
            limit[:, -1] = np.inf
        return verdicts(
            self.probabilities, self.scored, limits=limit, novelty=self.novelty, novel_below=novel_below
        )

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Number of the most probable class (n,); k where not scored."""
        return self.verdicts().best

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Highest probability (n,) as it is published; 0 where not scored."""
        return np.where(self.scored, self.verdicts().probability, 0.0)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says about n light curves, in the words of the stream's records.

    Attributes
    ----------
    classes : tuple of str
        Of the model.
    status : (n,) uint32
        Bits of `features.Status`.
    scored, below_min_epochs : (n,) bool
        Whether it was asked, and whether fewer epochs were used than it is meant for.
    verdicts : Verdicts
        Probabilities, the most probable classes, and where they are given as labels.
    out_of_range : (n,) int64
        Bit j: feature j was clipped to the training range.
    """

    classes: tuple[str, ...]
    status: NDArray[np.uint32]
    scored: NDArray[np.bool_]
    below_min_epochs: NDArray[np.bool_]
    verdicts: Verdicts
    out_of_range: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Prediction:
        """Copy what is said of some of them."""
        said = Verdicts(*(getattr(self.verdicts, f.name)[rows] for f in fields(Verdicts)))
        scored, below = self.scored[rows], self.below_min_epochs[rows]
        return Prediction(self.classes, self.status[rows], scored, below, said, self.out_of_range[rows])

    @property
    def labels(self) -> list[str | None]:
        """Label of each light curve, None where there is none."""
        said = self.verdicts
        return [
            self.classes[best] if given else None for best, given in zip(said.best, said.given, strict=True)
        ]

    @property
    def status_words(self) -> list[list[str]]:
        """Names of the status of each light curve, as in a record."""
        said = self.verdicts
        rows = zip(self.status, self.scored, said.sure, said.novel, self.below_min_epochs, strict=True)
        return [
            with_verdict(
                status_names(int(bits)),
                scored=bool(scored),
                sure=bool(sure),
                novel=bool(novel),
                below_min_epochs=bool(below),
            )
            for bits, scored, sure, novel, below in rows
        ]


def predict(
    artifact: Artifact, table: FeatureTable, *, priors: Mapping[str, float] = NO_PRIORS
) -> Prediction:
    """Ask the model about n rows that were measured as it wants.

    What is said of a merged curve is the fused answer, of this row and of those of the same example at the
    joint period (`schemas.model.fusion`), where the model gives such answers; a star of a single usable band
    has the answer, and the limits, of that band. A model that gives none is not asked about rows of several
    bands.

    Parameters
    ----------
    priors : mapping of str to float
        See `schemas.model.terms.by_terms`.
    """
    manifest = artifact.manifest
    fewest = np.full(len(table.status), manifest.min_epochs)
    several = np.zeros(len(table.status), np.bool_)
    scored = table.scorable(manifest.min_epochs)
    if manifest.fused is None:
        scored &= np.isin(table.view, (View.OWN, View.BEST_BAND))
        raw = artifact.score(table.values, scored)
        probabilities = raw.probabilities.astype(np.float64)
    else:
        fused, examples = manifest.fused, FusedExamples.of(table)
        several[examples.merged[~examples.one_band]] = True
        fewest[several] = fused["min_epochs"]
        scored = table.scorable(MIN_POINTS) & (table.n_epochs >= fewest)
        of_parts = np.isin(table.view, (View.MERGED, View.AT_JOINT)) & table.usable
        raw = artifact.score(table.values, scored | of_parts)
        probabilities = raw.probabilities.astype(np.float64)
        probabilities[examples.merged] = examples.probabilities(raw.probabilities, fused["temperature"])
    said = by_terms(
        manifest, probabilities, raw.oddness, table.n_epochs, scored, fused=several, priors=priors
    )
    return Prediction(manifest.classes, table.status, scored, table.n_epochs < fewest, said, raw.out_of_range)


def answer(artifact: Artifact, curves: LightCurves) -> Answers:
    """Features, gates and graph, by the rules of the worker, about light curves of one band each."""
    manifest = artifact.manifest
    measured = extract(
        curves.time,
        curves.mag,
        curves.err,
        curves.offsets,
        convention=manifest.convention,
        clip_sigma=manifest.clip_sigma,
    )
    numbers = np.arange(len(curves))
    kind = np.full(len(curves), Kind.FULL, np.int8)
    table = FeatureTable.of_one_band(
        measured.values, measured.status, numbers, kind, n_epochs=measured.n_used, n_shown=measured.n_used
    )
    said = predict(artifact, table)
    return answers_of(said)


def answers_of(said: Prediction) -> Answers:
    """Return what was said, without the words."""
    of = said.verdicts
    return Answers(of.probabilities, said.scored, said.classes[-1] == OTHER, of.novelty)
