import numpy as np
import pytest

from training.data.truth import Truth
from training.errors import SettingsError

CLASSES = ("EB", "RRL_ab", "RRL_c")
MAP = {"RRab": "RRL_ab", "RR": "RRL_ab|RRL_c"}
LABELS = np.array(["RRab", "RR", "ROT"])


def test_a_label_means_one_class_several_or_none():
    truth = Truth.of(LABELS, MAP, CLASSES)
    assert truth.allowed.tolist() == [[False, True, False], [False, True, True], [False, False, False]]
    assert truth.labelled.tolist() == [True, True, False]
    assert truth.names_one.tolist() == [True, False, False]


def test_a_class_the_model_does_not_have_is_named():
    with pytest.raises(SettingsError, match=r"'RRab' maps to 'RRAB'.*EB, RRL_ab, RRL_c"):
        Truth.of(np.array(["RRab"]), {"RRab": "RRAB"}, CLASSES)


def test_for_a_coarse_label_every_class_within_is_right_and_others_wrong():
    truth = Truth(np.array([[False, True, True]] * 4))
    unscored = 3
    predicted = np.array([1, 2, 0, unscored])
    assert truth.settled(predicted).tolist() == [1, 2, 1, 1]
    assert truth.agrees(predicted).tolist() == [True, True, False, False]


def test_without_a_class_no_answer_is_right():
    truth = Truth(np.zeros((4, 3), bool))
    assert truth.first.tolist() == [-1] * 4
    assert not truth.agrees(np.array([0, 1, 2, 3])).any()


def test_each_repeat_is_settled_by_its_own_truth():
    allowed = np.array([[[True, False], [False, True]], [[False, True], [True, True]]])
    predicted = np.array([[1, 1], [1, 1]])
    assert Truth(allowed).settled(predicted).tolist() == [[0, 1], [1, 1]]


def test_rows_are_taken_joined_and_given_another_class():
    truth = Truth.of_numbers(np.array([2, 0, 1]), 3)
    assert truth.first.tolist() == [2, 0, 1]
    assert truth.take(np.array([2, 0])).first.tolist() == [1, 2]
    assert Truth.join([truth, truth.take(np.array([False, True, False]))]).first.tolist() == [2, 0, 1, 0]
    rows = np.array([True, False, True])
    assert truth.with_class(rows, 1).first.tolist() == [1, 0, 1]
    assert truth.with_class(rows, None).labelled.tolist() == [False, True, False]
    assert truth.first.tolist() == [2, 0, 1]
