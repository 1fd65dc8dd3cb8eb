import json

import numpy as np
import pytest

from training.data.labels import check_classes, classes_of, membership, read_class_map, settle
from training.data.public_surveys import CLASSES as SHIPPED_CLASSES
from training.data.public_surveys import SURVEYS
from training.errors import SettingsError, TrainingError

CLASSES = ("EB", "RRL_ab", "RRL_c")


def test_a_label_means_one_class_several_or_none():
    labels = np.array(["RRab", "RR", "ROT"])
    allowed = membership(labels, {"RRab": "RRL_ab", "RR": "RRL_ab|RRL_c"}, CLASSES)
    assert allowed.tolist() == [[False, True, False], [False, True, True], [False, False, False]]


def test_a_class_the_model_does_not_have_is_named():
    with pytest.raises(SettingsError, match=r"'RRab' maps to 'RRAB'.*EB, RRL_ab, RRL_c"):
        membership(np.array(["RRab"]), {"RRab": "RRAB"}, CLASSES)


def test_for_a_coarse_label_every_class_within_is_right_and_others_wrong():
    allowed = np.array([[False, True, True]] * 4)
    unscored = 3
    assert settle(allowed, np.array([1, 2, 0, unscored])).tolist() == [1, 2, 1, 1]


IDS = np.array(["s1", "s2", "s3", "s4", "s5", "s6"])
LABELS = np.array(["EB", "EB", "RRL_ab", "RRL_ab|RRL_c", "RRL_c", ""])
EPOCHS = np.array([20, 20, 20, 20, 20, 5])


def check(ids=IDS, labels=LABELS, n_epochs=EPOCHS):
    check_classes(ids, labels, n_epochs, min_epochs=10, source="stars.csv")


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
        check(ids=np.array(["s1", "s1", "s3", "s4", "s5", "s6"]))  # two bands of one star
    with pytest.raises(TrainingError, match=r"class 'EB' has a single star .*, s2: "):
        check(n_epochs=np.array([9, 10, 20, 20, 20, 20]))  # the other is too short


def test_a_class_of_short_light_curves_is_named():
    with pytest.raises(
        TrainingError, match=r"class 'EB' is long enough: the longest of 2 has 9 epochs, 10 are"
    ):
        check(n_epochs=np.array([8, 9, 20, 20, 20, 20]))


def test_a_class_map_is_a_json_object_of_names(tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"RRab": "RRL_ab"}))
    assert read_class_map(path) == {"RRab": "RRL_ab"}
    for wrong in ("[]", "{}", '{"RRab": 1}', "{", "null"):
        path.write_text(wrong)
        with pytest.raises(SettingsError, match=r"class map|JSON object"):
            read_class_map(path)
    with pytest.raises(SettingsError, match="does not exist"):
        read_class_map(tmp_path / "none.json")


def test_every_known_survey_has_references_and_labels_of_the_simulated_classes_exist():
    classes = classes_of({name: survey.labels for name, survey in SURVEYS.items()})
    assert {"NonVar", "QSO"} <= set(classes)
    assert classes == SHIPPED_CLASSES
    assert all(survey.references and survey.labels for survey in SURVEYS.values())


def test_the_maps_know_the_labels_of_the_real_surveys(shared_data):
    for name, survey in SURVEYS.items():
        with np.load(shared_data / "lightcurves" / f"{name}.npz") as archive:
            labels = set(archive[survey.label_key].tolist())
            assert survey.link is None or survey.link in archive.files
        assert set(survey.labels) <= labels, name
