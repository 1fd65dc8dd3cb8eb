"""Folds, and the stars that a pretrained network knows."""

import numpy as np
import pytest

from training.data.truth import Truth
from training.errors import TrainingError
from training.stars.assign_folds import LEFT_OUT, NEVER_TRAINED, MetAgain, StarsOfCurves, assign_folds
from training.stars.folds import folds_beside
from training.stars.identity import Identities
from training.stars.known_stars import KnownStars
from training.stars.same_star import same_stars


def named(survey: str, names: list[str], places: list[float] | None = None) -> Identities:
    """Light curves of a survey; stars at ten times the given place in degrees, where one is given."""
    ra = np.array(places if places is not None else [np.nan] * len(names), np.float64)
    return Identities(survey, np.array(names, np.str_), np.full(len(names), "", np.str_), 10.0 * ra, 0.0 * ra)


def shared(surveys, labels, known, *, measured_only=None, count=5, seed=0) -> tuple[list[int], MetAgain]:
    """Folds of light curves with labels 0, 1, ... and -1 for none."""
    truths = [Truth.of_numbers(np.array(each), 3) for each in labels]
    stars = StarsOfCurves.of(same_stars(surveys), truths, measured_only or [False] * len(surveys))
    fold, met_again = assign_folds(stars, surveys, known, count=count, seed=seed)
    return fold.tolist(), met_again


def hundred(survey: str = "a") -> Identities:
    return named(survey, [f"star {i}" for i in range(100)])


LABELS = [i % 2 for i in range(100)]


def test_known_stars_are_in_the_folds_that_they_were_in():
    before = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 20)).astype(np.int8)
    known = KnownStars.of(hundred().kept(), before)
    assert shared([hundred()], [LABELS], known) == (before.tolist(), MetAgain(in_folds={"a": 100}))
    others = named("a", [f"star {i}" for i in range(50, 150)])  # half of them are known
    fold, met_again = shared([others], [LABELS], known)
    assert fold[:50] == before[50:].tolist()
    assert np.bincount(fold).tolist() == [20] * 5  # the others fill what is missing
    assert met_again == MetAgain(in_folds={"a": 50})


def test_another_band_of_a_known_star_is_in_its_fold():
    ids = [named("a", [f"{i}" for i in range(20)], list(range(20))), named("b", ["x", "y"], [3, 30])]
    known = KnownStars.of(ids[0].kept(), (np.arange(20) % 5).astype(np.int8))
    fold, met_again = shared(ids, [[i // 10 for i in range(20)], [0, 1]], known)
    assert fold[:21] == [*(np.arange(20) % 5).tolist(), 3]
    assert met_again == MetAgain(in_folds={"a": 20, "b": 1})


def test_a_name_counts_more_than_a_place():
    """Two stars within five arcsec of each other, known apart by their names."""
    close = [1.0, 1.0 + 12.0 / 36000.0, *range(3, 21)]
    ids = named("a", [f"{i}" for i in range(20)], close)
    before = np.array([0, 1, *(np.arange(18) % 5)], np.int8)
    fold, _ = shared([ids], [[i // 10 for i in range(20)]], KnownStars.of(ids.kept(), before))
    assert fold == before.tolist()


def test_a_star_that_was_in_two_folds_or_is_only_measured_is_left_out():
    learnt = named("a", [f"{i}" for i in range(40)])
    known = KnownStars.of(learnt.kept(), (np.arange(40) % 5).astype(np.int8))
    joined = named("a", [f"{i}" for i in range(40)], [7.0, 7.0, *(np.nan,) * 38])  # two names, one place
    nowhere = np.full(2, np.nan)
    measured = Identities("b", np.array(["x", "new"]), np.array(["11", ""]), nowhere, nowhere)
    labels = [[i // 20 for i in range(40)], [0, 1]]
    fold, met_again = shared([joined, measured], labels, known, measured_only=[False, True])
    assert fold[:2] == [LEFT_OUT, LEFT_OUT]
    assert fold[40:] == [LEFT_OUT, NEVER_TRAINED]  # the first is trained on here as well
    assert met_again.left_out == {"a": 2, "b": 1}


def test_neighbours_of_two_folds_leave_a_star_out_that_only_its_place_tells():
    learnt = named("a", [f"{i}" for i in range(30)], [1.0, 1.0 + 12.0 / 36000.0, *range(3, 31)])
    known = KnownStars.of(learnt.kept(), (np.arange(30) % 5).astype(np.int8))
    others = named("b", [f"x{i}" for i in range(30)], [1.0 + 6.0 / 36000.0, *range(3, 32)])
    fold, met_again = shared([others], [[i % 2 for i in range(30)]], known)
    assert fold[0] == LEFT_OUT  # between one of fold 0 and one of fold 1
    assert fold[1:3] == [2, 3]
    assert met_again == MetAgain(in_folds={"b": 28}, left_out={"b": 1})


def test_known_stars_that_would_make_folds_uneven_are_shared_out_anew():
    crowded = KnownStars.of(hundred().kept(), np.zeros(100, np.int8))
    fold, met_again = shared([hundred()], [LABELS], crowded)
    assert np.bincount(fold).tolist() == [20] * 5
    assert met_again == MetAgain(in_others={"a": 100})
    halves = KnownStars.of(hundred().kept(), (np.arange(100) % 2).astype(np.int8))  # three folds are empty
    assert shared([hundred()], [LABELS], halves)[1] == MetAgain(in_others={"a": 100})
    rare = [2 if i < 6 else i % 2 for i in range(100)]  # all of a class in one fold
    before = np.where(np.arange(100) < 6, 0, np.arange(100) % 5).astype(np.int8)
    fold, met_again = shared([hundred()], [rare], KnownStars.of(hundred().kept(), before))
    assert len({f for f, label in zip(fold, rare, strict=True) if label == 2}) > 1
    assert met_again == MetAgain(in_others={"a": 100})


def test_without_known_stars_the_folds_are_those_of_any_training():
    assert shared([hundred()], [LABELS], KnownStars.none())[1] == MetAgain()
    fold, _ = shared([hundred()], [LABELS], None)
    assert np.bincount(fold).tolist() == [20] * 5
    for label in (0, 1):
        assert (
            np.bincount([f for f, each in zip(fold, LABELS, strict=True) if each == label]).tolist()
            == [10] * 5
        )


def test_fewer_stars_than_folds_are_refused():
    with pytest.raises(TrainingError, match="of 4 stars only, 5 are needed"):
        shared([named("a", list("abcd"))], [[0, 0, 1, 1]], None)
    ids = named("a", [f"{i}" for i in range(40)], [float(i // 2) for i in range(40)])  # pairs at one place
    in_two = KnownStars.of(
        named("a", [f"{i}" for i in range(40)]).kept(), (np.arange(40) % 5).astype(np.int8)
    )
    with pytest.raises(TrainingError, match=r"of 0 stars only, 5 are needed: .* start from another"):
        shared([ids], [[i // 20 for i in range(40)]], in_two)


def test_stars_beside_others_fill_the_emptiest_folds_of_their_stratum():
    given = np.array([0] * 4 + [1] * 2 + [-1] * 12, np.int8)
    stratum = np.array([0] * 12 + [1] * 6)
    fold = folds_beside(np.arange(18), stratum, given, count=3, seed=1)
    assert fold[:6].tolist() == given[:6].tolist()
    assert np.bincount(fold[:12]).tolist() == [4, 4, 4]
    assert np.bincount(fold[12:]).tolist() == [2, 2, 2]
    assert (fold == folds_beside(np.arange(18), stratum, given, count=3, seed=1)).all()
