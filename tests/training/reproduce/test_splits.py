"""Stars that are learnt from, validated on and tested on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from training.reproduce.labelled_sets import Target
from training.reproduce.splits import split


def test_more_training_stars_hold_the_fewer_and_the_test_stays(stars):
    target, _ = stars
    parts = [split(target, seed=4, test=0.2, n_curves=count, validation=0.0) for count in (10, 40, 100, None)]
    training = [set(each.training) for each in parts]
    assert [len(each) for each in training[:3]] == [10, 40, 100]
    assert training[0] < training[1] < training[2] < training[3]
    assert all((np.sort(each.test) == np.sort(parts[0].test)).all() for each in parts)
    assert not {target.star[star] for star in training[3]} & set(target.star[parts[0].test])
    assert all(not len(each.validation) for each in parts)


def test_validation_takes_its_share_of_few_stars_too(stars):
    target, _ = stars
    for count in (20, 60):
        each = split(target, seed=4, test=0.2, n_curves=count, validation=0.2)
        together = np.concatenate([each.training, each.validation])
        assert set(together) == set(split(target, seed=4, test=0.2, n_curves=count).training)
        assert len(each.validation) == pytest.approx(0.2 * count, abs=2)


def test_every_class_keeps_its_share_in_a_small_draw(stars):
    target, _ = stars
    for seed in range(5):
        each = split(target, seed=seed, test=0.2, n_curves=24)
        assert np.bincount(target.label[each.training]) == pytest.approx([12, 8, 4], abs=1)
        assert np.bincount(target.label[each.test]) == pytest.approx([18, 12, 6], abs=2)


def test_repeats_are_split_anew(stars):
    target, _ = stars
    tests = [set(split(target, seed=seed, test=0.2).test) for seed in (0, 1)]
    assert tests[0] != tests[1]


def test_no_star_is_in_two_parts_and_stars_of_two_light_curves_are_not_preferred(stars_by_period):
    target, _ = stars_by_period
    pairs = Target("pairs", ("A",), np.zeros(400, np.int64), np.repeat(np.arange(200), 2), ())
    for each in (target, pairs):
        parts = split(each, seed=1, test=0.2, validation=0.2)
        stars = [set(each.star[rows]) for rows in (parts.training, parts.validation, parts.test)]
        assert not any(a & b for a, b in itertools.combinations(stars, 2))
        assert sum(map(len, (parts.training, parts.validation, parts.test))) == len(each)
        assert len(parts.validation) == pytest.approx(0.16 * len(each), abs=3)
