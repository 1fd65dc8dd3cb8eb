import numpy as np
import pytest

from training.crossfit.learnable import check_classes, check_examples
from training.data.truth import Truth
from training.errors import TrainingError

NAMES = np.array(["s1", "s2", "s3", "s4", "s5", "s6"])
LABELS = np.array(["EB", "EB", "RRL_ab", "RRL_ab|RRL_c", "RRL_c", ""])
EPOCHS = np.array([20, 20, 20, 20, 20, 5])


CLASSES = ("EB", "RRL_ab", "RRL_c")
SAME = {label: label for label in ("EB", "RRL_ab", "RRL_c", "RRL_ab|RRL_c")}


def check(names=NAMES, labels=LABELS, n_epochs=EPOCHS):
    truth = Truth.of(labels, SAME, CLASSES)
    star = np.unique(names, return_inverse=True)[1]
    check_classes(truth, CLASSES, star, names, n_epochs, min_epochs=10, where="stars.csv")


def test_classes_with_two_long_light_curves_each_can_be_trained():
    check()  # a star of a coarse label counts for each of its classes; one without a class for none


def test_one_class_only_is_told():
    with pytest.raises(TrainingError, match=r"stars\.csv: .* two classes, found only EB: .*--class-map"):
        check(labels=np.array(["EB", "EB", "EB", "", "", ""]))
    with pytest.raises(TrainingError, match="found only none"):
        check(labels=np.full(6, ""))


def test_a_class_of_a_single_star_is_named_with_it():
    with pytest.raises(TrainingError, match=r"class 'RRL_c' has a single star .*, s5: add stars, or leave"):
        check(labels=np.array(["EB", "EB", "RRL_ab", "RRL_ab", "RRL_c", ""]))
    with pytest.raises(TrainingError, match=r"class 'EB' has a single star .*, s1: "):
        check(names=np.array(["s1", "s1", "s3", "s4", "s5", "s6"]))  # two bands of one star
    with pytest.raises(TrainingError, match=r"class 'EB' has a single star .*, s2: "):
        check(n_epochs=np.array([9, 10, 20, 20, 20, 20]))  # the other is too short


def test_a_class_of_short_light_curves_is_named():
    with pytest.raises(
        TrainingError, match=r"class 'EB' is long enough: the longest of 2 has 9 epochs, 10 are"
    ):
        check(n_epochs=np.array([8, 9, 20, 20, 20, 20]))


def test_one_class_only_is_refused_by_name():
    with pytest.raises(TrainingError, match="found only RRL_ab"):
        check_examples(Truth(np.tile([True, False], (100, 1))), ("RRL_ab", "RRL_c"))


def test_too_few_light_curves_are_refused():
    with pytest.raises(TrainingError, match="at least 32"):
        check_examples(Truth(np.eye(2, dtype=bool)), ("RRL_ab", "RRL_c"))
