"""Answers by the days since a star's first epoch, against counts by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from schemas.model.verdict import OTHER
from training.data.light_curves import LabelledCurves, LightCurves
from training.measure.answers import Answers
from training.measure.asked import Asked
from training.measure.by_days import GROUPS, _members, _scores, one_a_star, until

CLASSES = ("CEPH_F", "CV", "EB_EC", "EB_ED", "NonVar", "QSO", "RRL_ab", "RRL_c", OTHER)
SEVERAL = np.array([False])
"""The one star in several bands has more than one that is usable."""


def two_bands() -> LabelledCurves:
    """Two stars: the first is seen in r from 0 d on and in g from 10 d on, the second from 100 d on."""
    time = np.array([0.0, 5.0, 16.0, 40.0, 10.0, 16.5, 30.0, 100.0, 110.0])
    curves = LightCurves(time, np.full(9, 15.0), np.full(9, 0.1), np.array([0, 4, 7, 9]))
    return LabelledCurves("two", curves, {"object_id": np.array(["a", "a", "b"])})


def test_days_are_counted_from_the_first_epoch_in_any_band():
    survey, star = two_bands(), np.array([0, 0, 1])
    cut = until(survey, star, 16.0)
    assert np.diff(cut.curves.offsets).tolist() == [3, 1, 2]
    assert cut.curves.time.tolist() == [0.0, 5.0, 16.0, 10.0, 100.0, 110.0]
    assert np.diff(until(survey, star, 4.0).curves.offsets).tolist() == [1, 0, 1]


def answers(*said: int | None) -> Answers:
    probabilities = np.array([np.eye(len(CLASSES))[each or 0] for each in said])
    return Answers(probabilities, np.array([each is not None for each in said]), has_other=True)


def test_a_star_has_the_answer_of_all_bands_or_of_the_one_with_most_epochs():
    survey, star = two_bands(), np.array([0, 0, 1])
    none = Asked(answers(5, 6, None), np.array([0]), SEVERAL, answers(None), answers(None))
    assert one_a_star(none, survey, star).tolist() == [5, len(CLASSES)]  # r has four epochs, g three
    only_g = Asked(answers(None, 6, 1), np.array([0]), SEVERAL, answers(None), answers(None))
    assert one_a_star(only_g, survey, star).tolist() == [6, 1]
    fused = Asked(answers(5, 6, 1), np.array([0]), SEVERAL, answers(7), answers(5))
    assert one_a_star(fused, survey, star).tolist() == [7, 1]


def test_classes_are_taken_together_as_they_are_there():
    member = _members(CLASSES)
    groups = {
        group: [CLASSES[i] for i in np.flatnonzero(row)] for group, row in zip(GROUPS, member, strict=True)
    }
    assert groups["RRL"] == ["RRL_ab", "RRL_c"]
    assert groups["E"] == ["EB_EC", "EB_ED"]
    assert (groups["CEP"], groups["QSO"], groups["CV/Nova"]) == (["CEPH_F"], ["QSO"], ["CV"])
    assert not member[:, [CLASSES.index("NonVar"), CLASSES.index(OTHER)]].any()


def test_the_mean_f1_is_that_of_scikit_learn_over_the_classes_that_there_are():
    rng = np.random.default_rng(0)
    truth = rng.choice([0, 3, 5], 300)
    predicted = np.where(rng.random(300) < 0.7, truth, rng.integers(0, len(GROUPS) + 1, 300))
    said = _scores(truth, predicted)
    expected = f1_score(truth, predicted, labels=[0, 3, 5], average=None)
    assert [*said["f1"].values()] == pytest.approx(expected)
    assert [*said["f1"]] == ["RRL", "E", "QSO"]
    assert said["mean_f1"] == pytest.approx(expected.mean())
    assert 0.005 < said["error"] < 0.06


def test_a_single_star_that_is_right_has_no_error():
    truth = np.array([0] * 50 + [5])
    assert _scores(truth, truth) == {"mean_f1": 1.0, "error": 0.0, "f1": {"RRL": 1.0, "QSO": 1.0}}


def test_a_star_of_another_class_counts_against_the_one_that_it_is_taken_for():
    truth = np.array([3] * 10 + [len(GROUPS)] * 10)
    assert _scores(truth, np.full(20, 3))["f1"] == pytest.approx({"E": 2 * 0.5 / 1.5})
