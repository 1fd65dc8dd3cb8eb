"""Checks that a classifier can be made of labelled light curves, before and after their features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.model.verdict import OTHER
from training.data.truth import Truth
from training.errors import TrainingError
from training.network.one_cycle import MIN_BATCH


def check_classes(
    truth: Truth,
    classes: tuple[str, ...],
    star: NDArray[np.int64],
    names: NDArray[np.str_],
    n_epochs: NDArray[np.int64],
    *,
    min_epochs: int,
    where: str,
) -> None:
    """Refuse light curves (n) that cannot make a classifier, naming the class that is at fault.

    Parameters
    ----------
    truth : Truth
        Of the light curves that are trained on; classes that no label names are passed over.
    star : (n,) int64
        Star of each light curve.
    names : (n,) str
        Of the stars, for messages.
    n_epochs : (n,) int64
        Points of each light curve that are used.
    min_epochs : int
        Fewest points of a light curve that is trained on.
    where : str
        The light curves are from, for messages.

    Raises
    ------
    TrainingError
        If there are fewer than two classes, or a class has no light curve that is long enough, or only
        those of a single star, which cannot be both trained on and tested.
    """
    named = [name for column, name in enumerate(classes) if truth.allowed[:, column].any() and name != OTHER]
    if len(named) < 2:
        raise TrainingError(
            f"{where}: a classifier needs at least two classes, found only {', '.join(named) or 'none'}: "
            "add stars of another class, or map the labels to others (--class-map)"
        )
    for name in named:
        of_class = truth.allowed[:, classes.index(name)]
        long_enough = of_class & (n_epochs >= min_epochs)
        if not long_enough.any():
            raise TrainingError(
                f"{where}: no light curve of class {name!r} is long enough: the longest of "
                f"{of_class.sum()} has {n_epochs[of_class].max()} epochs, {min_epochs} are needed: "
                "add longer ones, or leave the class out (--class-map)"
            )
        if len(np.unique(star[long_enough])) == 1:
            raise TrainingError(
                f"{where}: class {name!r} has a single star with {min_epochs} epochs or more, "
                f"{names[long_enough][0]}: add stars, or leave the class out (--class-map)"
            )


def check_examples(truth: Truth, classes: tuple[str, ...]) -> None:
    """Refuse examples that no network can be fitted to.

    Raises
    ------
    TrainingError
        If fewer than two classes have examples of their own, a class has none, or there are fewer than 32
        examples.
    """
    may_lack = np.array([name == OTHER for name in classes])  # few stars may lend no outlier their epochs
    own = np.asarray(truth.allowed[truth.names_one].any(axis=0)) & ~may_lack
    if own.sum() < 2:
        found = classes[int(own.argmax())] if own.any() else "none"
        raise TrainingError(
            f"training needs stars of at least two classes, found only {found}: check the labels"
        )
    lacking = ~np.asarray(truth.allowed.any(axis=0)) & ~may_lack
    empty = [classes[number] for number in np.flatnonzero(lacking)]
    if empty:
        raise TrainingError(
            f"no usable light curve is of class {empty[0]!r}: correct the labels, or leave the class out"
        )
    if len(truth) < MIN_BATCH:
        raise TrainingError(
            f"training needs at least {MIN_BATCH} examples with a class, got {len(truth)}: add light curves"
        )
