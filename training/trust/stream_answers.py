"""The answers about a stream's objects, one an object, as a model gave them before other priors were set.

They come from published records, or from tables that `varstream-train predict` wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from schemas.model.priors import completed, with_priors
from training.errors import SettingsError, TrainingError
from training.trust.answer_files import ALL_BANDS, Answer, read_answers

F8 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StreamAnswers:
    """What a model said of n objects of a stream.

    Attributes
    ----------
    survey : str
        Of the stream.
    bands : mapping of str to int
        Objects by the band of their answer, `ALL_BANDS` for all together.
    probabilities : (n, k) float64
        Of the model's classes, by the priors that it was made for.
    made_for : (n, k) float64
        These priors: those of fused answers are others than those of a band.
    n_unscored : int
        Objects about which there are only answers without probabilities, in the bands that were asked for.
    n_other_surveys : int
        Answers about other streams, which were left out.
    """

    survey: str
    bands: Mapping[str, int]
    probabilities: F8
    made_for: F8
    n_unscored: int
    n_other_surveys: int

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.probabilities)


def collect(
    paths: Iterable[Path], manifest: Manifest, *, survey: str | None = None, band: str | None = None
) -> StreamAnswers:
    """Take one answer for each object: the latest of all bands, else that of the band with most epochs.

    Parameters
    ----------
    paths : iterable of Path
        Files for `training.trust.answer_files.read_answers`.
    manifest : Manifest
        Of the model that was asked; it says which priors it was made for.
    survey : str, optional
        Of the stream; by default the one that the model was made for, or that all records are of.
    band : str, optional
        Take answers in this band alone, or ``all`` for none but those of all bands.

    Raises
    ------
    SettingsError
        If the model does not state its priors, or it is not clear which stream is meant.
    TrainingError
        If a file cannot be read, is of another model, or has answers that cannot be had back from other
        priors.
    """
    _check_priors(manifest, manifest.priors, "priors")
    latest: dict[_Key, _Latest] = {}
    surveys: dict[str, int] = {}
    wanted = survey or manifest.survey
    for path in paths:
        for answer in read_answers(path, manifest, wanted):
            if answer.survey is not None:
                surveys[answer.survey] = surveys.get(answer.survey, 0) + 1
            if answer.survey is None or wanted is None or answer.survey == wanted:
                _keep_latest(latest, path, answer, manifest)
    wanted = _the_survey(wanted, surveys)
    others = sum(count for name, count in surveys.items() if name != wanted)
    objects: dict[tuple[str, str], dict[str, _Latest]] = {}
    for key, answer_of_band in latest.items():
        objects.setdefault((key.source, key.object_id), {})[key.band] = answer_of_band
    chosen = [_choose(of_object, band) for of_object in objects.values()]
    there = [each for each in chosen if each is not None]
    scored = [each for each in there if each[1].probabilities is not None]
    if not scored:
        raise TrainingError(
            f"no object of {wanted} has an answer with probabilities"
            f"{f' in band {band}' if band else ''}: there are {len(objects)} objects in the files"
        )
    bands: dict[str, int] = {}
    for name, _ in scored:
        bands[name] = bands.get(name, 0) + 1
    probabilities = np.stack([each.probabilities for _, each in scored if each.probabilities is not None])
    made_for = np.array(
        [[each.made_for[name] for name in manifest.classes] for _, each in scored], np.float64
    )
    return StreamAnswers(wanted, bands, probabilities, made_for, len(there) - len(scored), others)


class _Key(NamedTuple):
    source: str  # the survey of a record, the name of a table's file of light curves
    object_id: str
    band: str


@dataclass(slots=True)
class _Latest:
    """The latest answer in a band that has probabilities, or the latest at all."""

    order: tuple[float, ...]
    n_epochs: int
    probabilities: F8 | None
    made_for: Mapping[str, float]


def _keep_latest(latest: dict[_Key, _Latest], path: Path, answer: Answer, manifest: Manifest) -> None:
    key = _Key(answer.source, answer.object_id, answer.band)
    known = latest.get(key)
    rank = (answer.probabilities is not None, *answer.order)
    if known is not None and (known.probabilities is not None, *known.order) > rank:
        return
    made_for: Mapping[str, float] = manifest.priors
    if answer.fused:
        made_for = (manifest.fused or {}).get("priors", {})
        _check_priors(manifest, made_for, "fused.priors")
    probabilities = answer.probabilities
    if probabilities is not None and answer.priors:
        own = {name: made_for[name] for name in manifest.classes}
        probabilities = _given_back(
            f"{path}: the record of {answer.object_id}", probabilities, answer.priors, own
        )
    latest[key] = _Latest(answer.order, answer.n_epochs, probabilities, made_for)


def _given_back(what: str, probabilities: F8, told: Mapping[str, float], own: Mapping[str, float]) -> F8:
    """Return the probabilities (k,) as the model gave them, before a worker was told other priors."""
    try:
        full = completed(own, told)
    except ValueError as exc:
        raise TrainingError(f"{what} has priors of another model: {exc}") from exc
    impossible = [name for name, share in full.items() if share == 0.0]
    if impossible:
        raise TrainingError(
            f"{what} was made with a prior of 0 for {impossible[0]}, whose probability cannot be had back: "
            "give records that were made with every class possible"
        )
    given: F8 = with_priors(probabilities[None], full, own)[0]
    return given


def _choose(of_object: Mapping[str, _Latest], band: str | None) -> tuple[str, _Latest] | None:
    """Return the answer that stands for an object, with its band; None where it has none in that band."""
    if band is not None:
        return (band, of_object[band]) if band in of_object else None
    scored = {name: each for name, each in of_object.items() if each.probabilities is not None}
    if ALL_BANDS in scored:
        return ALL_BANDS, scored[ALL_BANDS]
    name = max(scored or of_object, key=lambda each: (of_object[each].n_epochs, each))
    return name, of_object[name]


def _the_survey(wanted: str | None, surveys: Mapping[str, int]) -> str:
    if wanted is not None:
        return wanted
    if len(surveys) == 1:
        return next(iter(surveys))
    there = f"the records are of {', '.join(sorted(surveys))}" if surveys else "tables do not say it"
    raise SettingsError(f"it is not clear which stream the priors are for, {there}: give --survey")


def _check_priors(manifest: Manifest, priors: Mapping[str, float], what: str) -> None:
    if not priors:
        raise SettingsError(
            f"{manifest.name} {manifest.version} does not state which priors it was made for ({what} of its "
            "manifest): make it again with this version, by the command in its manifest"
        )
