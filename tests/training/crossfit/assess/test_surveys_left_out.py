"""Surveys by networks that have seen none of them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.made_up import made_up_dataset
from training.crossfit.assess.surveys_left_out import assess_surveys_left_out
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromScratch
from training.examples.augment import Sampling
from training.network.one_cycle import OneCycle
from training.progress import QUIET

RECIPE = Recipe(
    name="test",
    sampling=Sampling(),
    folds=3,
    schedule=OneCycle(training_epochs=20, batch=64),
    novel_below=0.0,
)


def two_surveys(*, told_apart_in_the_second: bool):
    """Return two classes in two surveys, 100 stars of each class in each, told apart by the first feature.

    In the second survey it is the other way round, unless the classes are alike there.
    """
    rng = np.random.default_rng(0)
    label, survey = np.tile([0, 1], 200), np.repeat([0, 1], 200)
    values = rng.standard_normal((400, 16))
    sign = np.where((survey == 0) | told_apart_in_the_second, 1.0, -1.0)
    values[:, 0] += 4.0 * sign * (2.0 * label - 1.0)
    dataset = made_up_dataset(values, label, np.arange(400) // 2 % 3, classes=("A", "B"))
    return replace(dataset, surveys=("first", "second"), survey=survey)


@pytest.mark.usefixtures("one_thread")
def test_what_is_alike_elsewhere_is_known_and_what_is_not_is_mistaken():
    alike = two_surveys(told_apart_in_the_second=True)
    said = assess_surveys_left_out(alike, RECIPE, FromScratch(RECIPE, QUIET), 1.0, seed=0)
    assert [[*classes] for classes in said.values()] == [["A", "B"], ["A", "B"]]
    assert all(each["on_top"] > 0.95 for classes in said.values() for each in classes.values())
    turned = two_surveys(told_apart_in_the_second=False)
    said = assess_surveys_left_out(turned, RECIPE, FromScratch(RECIPE, QUIET), 1.0, seed=0)
    assert all(each["on_top"] < 0.05 for classes in said.values() for each in classes.values())
    assert said["first"]["A"]["n_stars"] == 100


@pytest.mark.usefixtures("one_thread")
def test_a_star_of_the_survey_is_left_out_of_all_others_too():
    turned = two_surveys(told_apart_in_the_second=False)
    same = replace(turned, star=np.tile(np.arange(200), 2))  # the second is of the same stars: none is left
    assert assess_surveys_left_out(same, RECIPE, FromScratch(RECIPE, QUIET), 1.0, seed=0) == {}


@pytest.mark.usefixtures("one_thread")
def test_each_network_learns_from_all_that_is_not_left_out():
    alike = two_surveys(told_apart_in_the_second=True)
    few = alike.take(np.flatnonzero((alike.survey == 0) | (np.arange(400) >= 350)))  # 200 and 50 stars
    learnt = []

    class Noting(FromScratch):
        def networks(self, examples, *arguments):
            learnt.append((len(examples), examples.n))
            return super().networks(examples, *arguments)

    said = assess_surveys_left_out(few, RECIPE, Noting(RECIPE, QUIET), 1.0, seed=0)
    assert [*said] == ["first", "second"]
    assert learnt == [(1, 50), (1, 200)]
