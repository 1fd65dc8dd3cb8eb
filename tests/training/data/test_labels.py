import json

import numpy as np
import pytest

from training.data.join_bands import by_survey
from training.data.labels import at_most, classes_of, read_class_map
from training.errors import SettingsError
from training.surveys.classes import CLASSES as SHIPPED_CLASSES
from training.surveys.classes import OUTLIERS
from training.surveys.public import SURVEYS


def test_a_class_map_is_a_json_object_of_names(tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"RRab": "RRL_ab"}))
    assert read_class_map(path) == {"RRab": "RRL_ab"}
    for wrong in (
        "[]",
        "{}",
        '{"RRab": 1}',
        "{",
        "null",
        "[" * 100_000,
        '{"a": "x", "a": "y"}',
        "[" * 500 + "]" * 500,
    ):
        path.write_text(wrong)
        with pytest.raises(SettingsError, match=r"class map|JSON object"):
            read_class_map(path)
    with pytest.raises(SettingsError, match="does not exist"):
        read_class_map(tmp_path / "none.json")


def test_every_known_survey_has_references_and_labels_of_the_simulated_classes_exist():
    classes = classes_of({name: survey.labels for name, survey in SURVEYS.items()})
    assert {"NonVar", "QSO"} <= set(classes)
    assert classes == SHIPPED_CLASSES
    assert all(survey.references and (survey.labels or survey.outliers) for survey in SURVEYS.values())
    kinds = {kind for survey in SURVEYS.values() for kind in survey.outliers.values()}
    assert kinds == set(OUTLIERS)
    assert all(not survey.labels for survey in SURVEYS.values() if survey.difference)


def test_the_maps_know_the_labels_of_the_real_surveys(shared_data):
    for survey in by_survey([shared_data / "lightcurves" / f"{name}.npz" for name in SURVEYS]):
        labels: set[str] = set()
        for path in survey:
            known = SURVEYS[path.stem]
            with np.load(path) as archive:
                labels |= set(archive[known.label_key].tolist())
                assert known.link is None or known.link in archive.files
        assert set(known.labels) - RARE_TYPES <= labels, survey


RARE_TYPES = {"EA+BY", "EA/RS"}
"""Of a star or two each of the whole sets, which may be among those kept aside."""


def test_at_most_so_many_of_each_label_are_drawn_and_all_of_a_rarer_one():
    labels = np.array(["a", "b", "a", "a", "c", "b", "a"])
    for seed in range(20):
        chosen = at_most(labels, 2, np.random.default_rng(seed))
        assert [(labels[chosen] == name).sum() for name in "abc"] == [2, 2, 1]
    drawn = [at_most(labels, 2, np.random.default_rng(seed)) for seed in range(20)]
    assert (np.sum(drawn, axis=0)[labels == "a"] > 0).all()  # not always the same ones
    assert at_most(labels, None, np.random.default_rng(0)).all()
    assert labels[at_most(labels, 9, np.random.default_rng(0), order=["c", "a"])].tolist() == list("aaaca")
