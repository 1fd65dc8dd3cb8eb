"""From native labels to classes: one class, several where the label is coarser, or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import SettingsError, TrainingError

SEPARATOR = "|"
"""Joins the classes a coarse label stands for."""


def membership(
    labels: NDArray[np.str_], label_map: Mapping[str, str], classes: Sequence[str]
) -> NDArray[np.bool_]:
    """Which classes each star may be (n, k); a row without any has a label that maps to no class.

    Raises
    ------
    SettingsError
        If the map names a class that is not among `classes`.
    """
    index = {name: column for column, name in enumerate(classes)}
    result = np.zeros((len(labels), len(classes)), dtype=bool)
    for label, meaning in label_map.items():
        names = meaning.split(SEPARATOR)
        unknown = [name for name in names if name not in index]
        if unknown:
            raise SettingsError(
                f"label {label!r} maps to {unknown[0]!r}, not a class of the model; "
                f"it has {', '.join(classes)}"
            )
        result[np.ix_(labels == label, [index[name] for name in names])] = True
    return result


def classes_of(label_maps: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Every class that any map names, in alphabetical order."""
    meanings = {meaning for label_map in label_maps.values() for meaning in label_map.values()}
    return tuple(sorted({name for meaning in meanings for name in meaning.split(SEPARATOR)}))


def check_classes(
    object_ids: NDArray[np.str_],
    labels: NDArray[np.str_],
    n_epochs: NDArray[np.int64],
    *,
    min_epochs: int,
    source: str,
) -> None:
    """Refuse light curves (n) that cannot make a classifier, naming the class that is at fault.

    Parameters
    ----------
    object_ids : (n,) str
        Star of each light curve.
    labels : (n,) str
        Class after the map, several joined by ``|``, or an empty string for none.
    n_epochs : (n,) int64
        Points of each light curve.
    min_epochs : int
        Fewest points of a light curve that is trained on.
    source : str
        Where the light curves are from, for messages.

    Raises
    ------
    TrainingError
        If there are fewer than two classes, or a class has no light curve that is long enough, or only
        those of a single star, which cannot be both trained on and tested.
    """
    same = {label: label for label in np.unique(labels[labels != ""]).tolist()}
    classes = classes_of({source: same})
    if len(classes) < 2:
        raise TrainingError(
            f"{source}: a classifier needs at least two classes, found only {', '.join(classes) or 'none'}: "
            "add stars of another class, or map the labels to others (--class-map)"
        )
    allowed = membership(labels, same, classes)
    for column, name in enumerate(classes):
        of_class = allowed[:, column]
        enough = of_class & (n_epochs >= min_epochs)
        if not enough.any():
            raise TrainingError(
                f"{source}: no light curve of class {name!r} is long enough: the longest of "
                f"{of_class.sum()} has {n_epochs[of_class].max()} epochs, {min_epochs} are needed: "
                "add longer ones, or leave the class out (--class-map)"
            )
        stars = np.unique(object_ids[enough])
        if len(stars) == 1:
            raise TrainingError(
                f"{source}: class {name!r} has a single star with {min_epochs} epochs or more, {stars[0]}: "
                "add stars, or leave the class out (--class-map)"
            )


def settle(allowed: NDArray[np.bool_], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the true class (..., n) to hold a prediction (..., n) against, given what each star may be.

    For a coarse label every class it contains is a right answer: the truth is the prediction where that
    is allowed, and otherwise the first class that is.
    """
    k = allowed.shape[-1]
    answered = np.take_along_axis(allowed, np.minimum(predicted, k - 1)[..., None], axis=-1)[..., 0]
    return np.where((predicted < k) & answered, predicted, allowed.argmax(axis=-1)).astype(np.int64)


def names_one(allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which labels (n,) name one class.

    Probabilities can be held against those only: a coarser label is right more often than the probability
    of any one class says. (To choose by the label is a selection of stars, though a mild one.)
    """
    result: NDArray[np.bool_] = allowed.sum(axis=1) == 1
    return result


def read_class_map(path: Path) -> dict[str, str]:
    """Read a JSON object of native label to class.

    Raises
    ------
    SettingsError
        If it cannot be read or is not such an object.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"no class map at {path}: the file does not exist") from None
    except (OSError, ValueError) as exc:
        raise SettingsError(f"cannot read the class map {path}: {exc}") from exc
    if not isinstance(raw, dict) or not raw or not all(isinstance(value, str) for value in raw.values()):
        raise SettingsError(f'{path} must be a JSON object such as {{"RRab": "RRL_ab"}}, got {str(raw)[:60]}')
    return raw
