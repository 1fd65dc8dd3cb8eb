"""Stars of the source set and of the surveys that are transferred to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features import FEATURE_NAMES
from tests.training.reproduce.experiments import write_noise
from training.examples.augment import Sampling
from training.examples.feature_table import Extraction
from training.progress import QUIET
from training.reproduce import labelled_sets as targets
from training.reproduce.labelled_sets import asas_8, css_12, hipparcos_20, source_pool
from training.stars import identity
from training.surveys.survey import Survey


def test_asas_8_is_acvs_and_the_cepheids_that_are_not_in_it(tmp_path):
    write_noise(tmp_path / "asas_acvs_V.npz", ["RRAB", "EC", "RRAB/EC", "MIRA", "DSCT"], [25, 25, 25, 25, 19])
    write_noise(
        tmp_path / "asas_richards_V.npz",
        ["Classical_Cepheid", "Classical_Cepheid", "RR_Lyrae_FM"],
        acvs_id=np.array(["", "asas_acvs_V-0", ""]),
    )
    target = asas_8(tmp_path)
    assert target.classes == ("CEPH", "EC", "MIRA", "RRAB")
    assert [target.classes[label] for label in target.label] == ["RRAB", "EC", "MIRA", "CEPH"]
    assert target.surveys == ("asas_acvs_V", "asas_richards_V")
    assert [part.curves.tolist() for part in target.parts] == [[0, 1, 3], [0]]
    assert len(set(target.star)) == 4


def test_hipparcos_20_joins_sx_phoenicis_to_delta_scuti(tmp_path):
    labels = ["SX Phoenicis", "Delta Scuti", "Mira", "Mira"]
    write_noise(tmp_path / "hipparcos_debosscher_Hp.npz", labels, [25, 25, 25, 19])
    target = hipparcos_20(tmp_path)
    assert target.classes == ("Delta Scuti", "Mira")
    assert target.label.tolist() == [0, 0, 1]


def test_css_12_is_a_sample_with_every_classes_share(tmp_path):
    write_noise(tmp_path / "css_sss_V.npz", ["RRab"] * 60 + ["EW"] * 30 + ["LMC-CEP"] * 10)
    target = css_12(tmp_path, n_curves=30)
    assert target.classes == ("EW", "RRab")
    assert np.bincount(target.label).tolist() == [10, 20]
    (part,) = target.parts
    assert (part.survey.columns["native_class"][part.curves] == part.label).all()
    assert len(css_12(tmp_path)) == 90


def test_a_part_of_a_target_keeps_its_stars_and_labels(tmp_path):
    write_noise(tmp_path / "css_sss_V.npz", ["RRab"] * 6 + ["EW"] * 4)
    target = css_12(tmp_path)
    few = target.where(np.arange(10) % 3 == 0)
    assert len(few) == len(few.parts[0].curves) == 4
    assert (few.label == target.label[::3]).all()
    table = few.examples(Sampling(), Extraction(), cache_folder=None, workers=1, progress=QUIET)
    assert table.curve.tolist() == [0, 1, 2, 3]  # counts the stars of the target
    assert table.values.shape == (4, len(FEATURE_NAMES))


@pytest.fixture
def pool(tmp_path, monkeypatch) -> Path:
    """Two surveys with a star in common by a link, one of non-variables, and one that is never trained on."""
    coarse = {"ab": "RRL_ab", "c": "RRL_c", "RR": "RRL_ab|RRL_c"}
    known = {
        "first": Survey(labels=coarse, references=()),
        "second": Survey(labels=coarse, references=(), link="first_id"),
        "field": Survey(labels={"NonVar": "NonVar"}, references=(), label_key="kind"),
        "held_back": Survey(labels=coarse, references=(), training=False),
    }
    for module in (targets, identity):
        name = "VARIABLE_STARS" if hasattr(module, "VARIABLE_STARS") else "SURVEYS"
        monkeypatch.setattr(module, name, known)
    write_noise(tmp_path / "first.npz", ["ab"] * 10 + ["c"] * 4 + ["RR"] * 3)
    write_noise(tmp_path / "second.npz", ["c"] * 2, first_id=np.array(["", "first-11"]))
    write_noise(tmp_path / "field.npz", ["?"] * 3, kind=np.array(["NonVar", "", "NonVar"]))
    return tmp_path


def test_the_source_pool_has_stars_of_one_class_only_and_few_of_one_label(pool):
    target = source_pool(pool, n_curves=None, stars_per_label=6)
    assert target.classes == ("NonVar", "RRL_ab", "RRL_c")
    assert np.bincount(target.label).tolist() == [2, 6, 6]
    assert target.surveys == ("first", "second", "field")
    native = [part.survey.columns["native_class"][part.curves] for part in target.parts]
    assert "RR" not in np.concatenate(native)


def test_a_star_of_two_surveys_is_one_star_of_the_source_pool(pool):
    target = source_pool(pool, n_curves=None)
    ids = np.concatenate([part.survey.columns["object_id"][part.curves] for part in target.parts])
    assert len(np.unique(target.star)) == len(target) - 1
    assert target.star[ids == "first-11"] == target.star[ids == "second-1"]


def test_a_survey_is_left_out_with_its_stars_in_other_surveys(pool):
    target = source_pool(pool, n_curves=None, without=("first",))
    ids = np.concatenate([part.survey.columns["object_id"][part.curves] for part in target.parts])
    assert set(ids) == {"second-0", "field-0", "field-2"}  # second-1 is first-11


def test_a_sample_of_the_source_pool_has_every_classes_share(pool):
    target = source_pool(pool, n_curves=9)
    assert np.bincount(target.label) == pytest.approx([1, 5, 3], abs=1)  # of 2, 10 and 6
    assert len(np.concatenate([part.curves for part in target.parts])) == 9
