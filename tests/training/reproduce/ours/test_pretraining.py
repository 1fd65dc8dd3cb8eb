"""The pretrained network of our recipe has not seen the target's stars."""

import numpy as np
import pytest

from training.crossfit import labelled_file
from training.data.read import read_light_curves
from training.network.networks import Networks
from training.network.preprocess import fit_preprocessing
from training.reproduce.labelled_sets import Part, Target
from training.reproduce.ours import pretraining
from training.surveys.survey import Survey


def write(path, names: list[str], ra: np.ndarray) -> None:
    """Forty light curves of two classes, at these right ascensions."""
    rng = np.random.default_rng(len(str(path)))
    n, points = len(names), 30
    time = np.sort(rng.uniform(0.0, 300.0, (n, points)), axis=1)
    period = np.where(np.arange(n) % 2, 80.0, 0.7)
    np.savez(
        path,
        time=time.ravel(),
        mag=(15.0 + 0.3 * np.sin(2.0 * np.pi * time / period[:, None])).ravel(),
        err=np.full(n * points, 0.02),
        offsets=np.arange(0, n * points + 1, points),
        object_id=np.array(names),
        native_class=np.array(["short", "long"])[np.arange(n) % 2],
        ra=ra,
        dec=np.zeros(n),
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two surveys that share ten stars: by place, under other names."""
    known = {
        name: Survey(labels={"short": "short", "long": "long"}, references=()) for name in ("one", "two")
    }
    for module in (pretraining, labelled_file):
        name = "VARIABLE_STARS" if hasattr(module, "VARIABLE_STARS") else "SURVEYS"
        monkeypatch.setattr(module, name, known)
    write(tmp_path / "one.npz", [f"a{i}" for i in range(40)], np.arange(40.0))
    write(tmp_path / "two.npz", [f"b{i}" for i in range(40)], 30.0 + np.arange(40.0))
    return tmp_path


def test_stars_that_the_target_has_as_well_are_not_learnt_from(folder, bench, monkeypatch):
    learnt = []

    def fit_all(dataset, *_arguments, **_seed):
        learnt.append(np.unique(dataset.table.curve[dataset.trainable]))
        return Networks.random(2, [0]), fit_preprocessing(dataset.table.values[dataset.trainable])

    monkeypatch.setattr(pretraining, "fit_all", fit_all)
    survey = read_light_curves(folder / "two.npz")
    label = np.arange(40) % 2
    part = Part(survey, np.arange(40), np.array(["short", "long"])[label])
    target = Target("two", ("long", "short"), label, np.arange(40), (part,))
    pretraining.pretrain(folder, target, bench, workers=1)
    assert learnt[0].tolist() == list(range(30))  # the last ten are stars of the other survey
