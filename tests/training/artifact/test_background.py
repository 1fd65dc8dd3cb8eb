"""The background of a model: every class alike, of what it learns from, and without a name."""

import zipfile

import numpy as np
import pytest

from schemas.explanation.background import read_background
from schemas.model.manifest import load_manifest
from training.artifact.background import draw_background, write_background
from training.cli.main import main
from training.data.truth import Truth
from training.errors import TrainingError


def drawn(label, *, trainable=None, seed=0):
    """Numbers of the rows that are drawn."""
    label = np.asarray(label)
    values = np.repeat(np.arange(float(len(label)))[:, None], 16, axis=1)
    usable = np.ones(len(label), bool) if trainable is None else trainable
    rows = draw_background(values, Truth.of_numbers(label, int(label.max()) + 1), usable, seed=seed)
    assert rows.shape == (100, 16)
    return rows[:, 0].astype(int)


def test_classes_have_equal_shares_however_many_stars_they_have():
    label = np.repeat([0, 1, 2, 3], [5000, 200, 60, 25])
    assert np.bincount(label[drawn(label)]).tolist() == [25, 25, 25, 25]
    of_three = label[label < 3][drawn(label[label < 3])]
    assert sorted(np.bincount(of_three).tolist()) == [33, 33, 34]
    for first in (3, 25, 50):  # who takes the first rows alone takes all classes, too
        counts = np.bincount(of_three[:first], minlength=3)
        assert counts.max() - counts.min() <= 1


def test_no_example_is_drawn_twice_where_there_are_enough_and_all_as_often_where_not():
    label = np.repeat([0, 1], [50, 20])
    counts = np.bincount(drawn(label), minlength=70)
    assert (counts[:50] == 1).all()
    assert sorted(set(counts[50:].tolist())) == [2, 3]  # 50 draws of 20


def test_what_is_not_learnt_from_or_names_several_classes_is_not_drawn():
    label = np.arange(400) % 2
    trainable = np.arange(400) >= 100
    assert drawn(label, trainable=trainable).min() >= 100
    truth = Truth(np.concatenate([Truth.of_numbers(label, 2).allowed, np.ones((50, 2), bool)]))
    values = np.repeat(np.arange(450.0)[:, None], 16, axis=1)
    assert draw_background(values, truth, np.ones(450, bool), seed=0).max() < 400
    with pytest.raises(ValueError, match="no example names one class"):
        draw_background(values, truth, np.arange(450) >= 400, seed=0)


def test_the_same_seed_draws_the_same_and_another_others():
    label = np.arange(1000) % 7
    assert drawn(label).tolist() == drawn(label).tolist()
    assert drawn(label).tolist() != drawn(label, seed=1).tolist()


def test_the_same_rows_give_the_same_bytes_and_nothing_else_is_in_them(tmp_path):
    rows = np.random.default_rng(0).normal(size=(100, 16))
    assert write_background(tmp_path / "a", rows) == write_background(tmp_path / "b", rows)
    with zipfile.ZipFile(tmp_path / "a" / "background.npz") as archive:
        assert archive.namelist() == ["values.npy"]
    with pytest.raises(TrainingError, match=r"cannot write the model to .*in a file: "):
        write_background(tmp_path / "a" / "background.npz" / "in a file", rows)


@pytest.mark.parametrize("made_by", ["model_folder", "transferred"])
def test_a_model_that_is_made_comes_with_one_of_its_stars(made_by, request):
    folder = request.getfixturevalue(made_by)
    manifest = load_manifest(folder)
    rows = read_background(folder, manifest)
    assert rows.shape == (100, 16)
    assert len(np.unique(rows, axis=0)) > 50


def test_a_model_that_is_written_again_keeps_it_and_one_that_lost_it_is_refused(
    model_folder, tmp_path, capsys
):
    again = tmp_path / "again"
    assert main(["export", str(model_folder), "--output", str(again), "--version", "1.0.1"]) == 0
    rows = read_background(again, load_manifest(again))
    assert (rows == read_background(model_folder, load_manifest(model_folder))).all()
    (again / "background.npz").unlink()
    assert main(["export", str(again), "--output", str(tmp_path / "third")]) == 2
    assert "background.npz is missing: copy the whole folder" in capsys.readouterr().err
