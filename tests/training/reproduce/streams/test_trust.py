"""What is in no class, blind and seen: what is learnt from where, on a folder of small made-up archives."""

import os
from dataclasses import replace

import numpy as np
import pytest

from training.errors import TrainingError
from training.examples.augment import SIMULATED, Sampling
from training.progress import QUIET
from training.reproduce.streams import stream_thresholds
from training.reproduce.streams.judgement import LENGTHS, Judgement, judge_each
from training.reproduce.streams.trust import FAMILIES, LEFT_OUT, TRUST_RECIPE, files_of, read_dataset, trust

EPOCHS = 40
SHORT = replace(
    TRUST_RECIPE.with_training_epochs(1),
    sampling=Sampling(truncations=1, first_epochs=(20,), constant=0.3, outlying=0.2),
)


def write(folder, name: str, labels: dict[str, int]) -> None:
    """Write stars of some labels: those whose name begins with RR are waves, all others brighten once."""
    rng = np.random.default_rng(len(name))
    native = np.repeat([*labels], [*labels.values()])
    time = np.sort(rng.uniform(0.0, 500.0, (len(native), EPOCHS)), axis=1)
    wave = 0.4 * np.sin(2.0 * np.pi * time / 0.6)
    bump = -2.0 * np.exp(-0.5 * ((time - 250.0) / rng.uniform(10.0, 60.0, (len(native), 1))) ** 2)
    mag = 15.0 + np.where(np.char.startswith(native, "RR")[:, None], wave, bump)
    np.savez(
        folder / f"{name}.npz",
        time=time.ravel(),
        mag=mag.ravel() + rng.normal(0.0, 0.03, time.size),
        err=np.full(time.size, 0.03),
        offsets=np.arange(0, time.size + 1, EPOCHS),
        object_id=np.array([f"{name}-{number}" for number in range(len(native))]),
        native_class=native,
    )


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "css_sss_V", {"RRab": 24, "RRc": 24})
    write(tmp_path, "crts_transients_V", {"AGN": 12, "CV": 12, "Flare": 12})
    write(tmp_path, "gaia_alerts_G", {"QSO": 12, "CV": 12, "Flare": 12, "ulens": 12, "YSO": 12})
    return tmp_path


def test_each_family_and_each_survey_is_left_out_once_and_half_of_the_objects_is_reported(
    bench, folder, monkeypatch
):
    learnt = []
    judge = Judgement.of

    def noted(dataset, recipe, progress):
        learnt.append(dataset)
        return judge(dataset, recipe, progress)

    monkeypatch.setattr(stream_thresholds, "STREAM", replace(SHORT, sampling=Sampling(first_epochs=(20,))))
    monkeypatch.setattr(Judgement, "of", noted)
    section = trust(bench, folder, workers=1, recipe=SHORT)
    seen, alone, *without = learnt
    there = [kinds for kinds in FAMILIES.values() if {*kinds} & {*seen.outlier_kinds}]
    assert len(without) == len(there) + len(LEFT_OUT) == 7

    real = ~np.isin(seen.table.kind, SIMULATED)
    for kinds, dataset in zip(there, without[: len(there)], strict=True):
        numbers = [seen.outlier_kinds.index(kind) for kind in kinds if kind in seen.outlier_kinds]
        of_family = np.isin(seen.outlier, numbers)
        assert (seen.trainable & of_family).any()
        assert not (dataset.trainable & of_family).any()
        stars = np.unique(seen.star[of_family & real])
        assert not np.isin(dataset.star[dataset.trainable], stars).any()  # nor what is made of its stars
        others = seen.trainable & ~np.isin(seen.star, stars)
        assert np.array_equal(dataset.trainable & others, others)
    for (name, survey), dataset in zip(LEFT_OUT, without[len(there) :], strict=True):
        chosen = (seen.truth.first == seen.classes.index(name)) & (seen.survey == seen.surveys.index(survey))
        assert not (dataset.trainable & chosen & real).any()
        assert (seen.trainable & chosen & real).any()

    assert {*alone.classes} == {*seen.classes} - {"CV", "OTHER"}
    of_before = seen.trainable & (seen.survey == seen.surveys.index("css_sss_V")) & (seen.outlier < 0)
    assert alone.trainable.sum() == of_before.sum()

    blind, as_ztf, as_lsst, of_kinds, made_up, known, surveys, cost = section.tables
    for as_stream in (as_ztf, as_lsst):  # the same light curves and labels, other limits
        assert [row[:4] for row in as_stream.rows] == [row[:4] for row in blind.rows]
    assert [row[4] for row in as_ztf.rows] != [row[4] for row in as_lsst.rows]
    assert {row[:2] for row in cost.rows} == {("css_sss_V", length) for length in LENGTHS}
    assert {row[0] for row in blind.rows} == {"flare", "microlensing", "young star", "mean of the kinds"}
    assert {row[0] for row in of_kinds.rows} == {row[0] for row in blind.rows}
    (flares,) = [row for row in blind.rows if row[:2] == ("flare", "all")]
    assert 4 <= int(flares[2]) <= 20  # about half of 24
    assert {row[0] for row in made_up.rows} == {
        f"made up: {kind}" for kind in ("bump", "stray", "as flux", "saturated")
    }
    assert {row[0] for row in known.rows} >= {"all of them", "CV", "QSO", "RRL_ab", "RRL_c"}
    assert len({row[1] for row in surveys.rows}) == 4
    assert all(figure.path.is_file() for figure in section.figures)


def test_several_processes_judge_as_one_does(bench, folder):
    dataset = read_dataset(files_of(folder), SHORT, bench, workers=1)
    both = [dataset, replace(dataset, spared=dataset.spared | (dataset.star % 5 == 0))]
    here = judge_each(both, SHORT, QUIET, workers=1)
    there = judge_each(both, SHORT, QUIET, workers=2)
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.answers.probabilities, other.answers.probabilities, equal_nan=True)
        assert np.array_equal(one.answers.novelty, other.answers.novelty, equal_nan=True)
    assert not np.array_equal(here[0].made.logits, here[1].made.logits, equal_nan=True)


def dies(*_):
    os._exit(9)


def test_a_process_that_dies_is_told_with_the_remedy(bench, folder, monkeypatch):
    dataset = read_dataset(files_of(folder), SHORT, bench, workers=1)
    monkeypatch.setattr(Judgement, "of", dies)  # which the other process finds by its name
    with pytest.raises(TrainingError, match="has died, for want of memory perhaps: ask for fewer --workers"):
        judge_each([dataset, dataset], SHORT, QUIET, workers=2)
