import json

import numpy as np
import pytest

from training.errors import SettingsError
from training.labels import classes_of, membership, read_class_map, settle
from training.surveys import SURVEYS

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
    assert all(survey.references and survey.labels for survey in SURVEYS.values())


def test_the_maps_know_the_labels_of_the_real_surveys(shared_data):
    for name, survey in SURVEYS.items():
        with np.load(shared_data / "lightcurves" / f"{name}.npz") as archive:
            labels = set(archive[survey.label_key].tolist())
            assert survey.link is None or survey.link in archive.files
        assert set(survey.labels) <= labels, name
