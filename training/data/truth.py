"""Truth: what labelled light curves may be, one class or several where the label is coarser.

A label that is coarser than the classes is settled here once, with what follows from it: which answers are
right, and which labels name one class, so that probabilities can be held against them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.labels import CLASS_SEPARATOR
from training.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Truth:
    """What each of n light curves may be.

    Attributes
    ----------
    allowed : (..., n, k) bool
        Classes that it may be; a row without any has a label that maps to no class.
    """

    allowed: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: NDArray[np.str_], label_map: Mapping[str, str], classes: Sequence[str]) -> Truth:
        """Read native labels (n,) by their map to classes, several joined by ``|``.

        Raises
        ------
        SettingsError
            If the map names a class that is not among `classes`.
        """
        index = {name: column for column, name in enumerate(classes)}
        allowed = np.zeros((len(labels), len(classes)), dtype=bool)
        for label, meaning in label_map.items():
            names = meaning.split(CLASS_SEPARATOR)
            unknown = [name for name in names if name not in index]
            if unknown:
                raise SettingsError(
                    f"label {label!r} maps to {unknown[0]!r}, not a class of the model; "
                    f"it has {', '.join(classes)}"
                )
            allowed[np.ix_(labels == label, [index[name] for name in names])] = True
        return cls(allowed)

    @classmethod
    def of_numbers(cls, label: NDArray[np.int64], n_classes: int) -> Truth:
        """Return the truth of light curves (n,) of which each is of one class, given by its number."""
        return cls(label[:, None] == np.arange(n_classes))

    @classmethod
    def join(cls, parts: Sequence[Truth]) -> Truth:
        """One after the other."""
        return cls(np.concatenate([part.allowed for part in parts]))

    def __len__(self) -> int:
        """Return the number of light curves."""
        return len(self.allowed)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Truth:
        """Copy some of the rows."""
        return Truth(self.allowed[rows])

    def with_class(self, rows: NDArray[np.bool_], number: int | None) -> Truth:
        """Return the truth with other rows' class in some of them; None for no class at all."""
        allowed = self.allowed.copy()
        allowed[rows] = np.arange(allowed.shape[-1]) == (-1 if number is None else number)
        return Truth(allowed)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which rows (n,) have a class at all."""
        return np.asarray(self.allowed.any(axis=-1))

    @property
    def names_one(self) -> NDArray[np.bool_]:
        """Which labels (n,) name one class.

        Probabilities can be held against those only: a coarser label is right more often than the
        probability of any one class says. (To choose by the label is a selection of stars, though a mild
        one.)
        """
        return np.asarray(self.allowed.sum(axis=-1) == 1)

    @property
    def first(self) -> NDArray[np.int64]:
        """Number of the first class (n,) that a row may be, the stratum that it is drawn in; -1 for none."""
        return np.where(self.labelled, self.allowed.argmax(axis=-1), -1)

    def settled(self, predicted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the true class (..., n) to hold a prediction (..., n) against; k is a prediction of none.

        For a coarse label every class it contains is a right answer: the truth is the prediction where that
        is allowed, and otherwise the first class that is.
        """
        k = self.allowed.shape[-1]
        asked = np.minimum(predicted, k - 1)[..., None]
        answered = np.take_along_axis(self.allowed, asked, axis=-1)[..., 0]
        return np.where((predicted < k) & answered, predicted, self.first).astype(np.int64)

    def agrees(self, predicted: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each prediction (..., n) is right."""
        agrees: NDArray[np.bool_] = self.settled(predicted) == predicted
        return agrees
