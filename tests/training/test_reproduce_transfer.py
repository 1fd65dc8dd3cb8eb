"""Experiments of transfer: Figs. 7 to 12, Tables 6 and 8, and our recipe beside them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.progress import Progress
from sklearn.metrics import confusion_matrix, matthews_corrcoef

from features import FEATURE_NAMES, extract
from training.cli import main
from training.errors import SettingsError
from training.export import Model
from training.feature_table import Extraction, FeatureTable
from training.fit import OneCycle
from training.light_curves import LabelledCurves, LightCurves, offsets_of
from training.networks import Networks
from training.plateau import Layers, Plateau
from training.preprocess import fit_preprocessing
from training.report import Section
from training.reproduce import cells as cells_module
from training.reproduce import durations as durations_module
from training.reproduce import recipe_models
from training.reproduce.cells import Cell, CellSettings, Pretrained, Way, fit_repeats, run_cell, summary
from training.reproduce.document import EXPERIMENTS, reproduce
from training.reproduce.durations import durations, mc_by_duration, resampled
from training.reproduce.odd_curves import Asked
from training.reproduce.recipe_models import SHOWN, Ground, Start, Variant, measure
from training.reproduce.recipes import ours_for, variants_of
from training.reproduce.repeats import split
from training.reproduce.settings import Scale
from training.reproduce.targets import Part, Target, asas_8, css_12, hipparcos_20
from training.reproduce.transfer_figures import (
    PAPER_TABLE_6,
    Bench,
    first_epochs,
    learning_curves,
    three_ways,
)
from training.sampling import Kind, Sampling

SCALE = Scale(repeats=2, training_epochs=3, fig7_fractions=(0.2, 1.0), recipe_repeats=2)
QUIET = Progress(disable=True)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "figures").mkdir()
    return Bench(SCALE, tmp_path / "cache", tmp_path / "figures", QUIET)


@pytest.fixture(scope="module")
def stars() -> tuple[Target, np.ndarray]:
    """Three classes three sigma apart; every tenth star has two light curves."""
    rng = np.random.default_rng(2)
    label = np.sort(np.resize([0, 0, 0, 1, 1, 2], 180)).astype(np.int64)
    values = rng.normal(0.0, 1.0, (180, 16)) + 3.0 * label[:, None] * (np.arange(16) < 3)
    group = np.arange(180)
    group[1::10] = group[::10]
    return Target("made up", ("A", "B", "C"), label, group, ()), values


@pytest.fixture(scope="module")
def pretrained() -> Pretrained:
    return Pretrained("random", Networks.random(5, [9]).weights(), 1e-5)


def cell_of(set_of_stars, pretrained, folder: Path, way: Way = Way.SCRATCH, **more) -> Cell:
    settings = CellSettings(way=way, repeats=3, schedule=Plateau(training_epochs=6, batch=32), **more)
    return run_cell(*set_of_stars, pretrained, settings, cache_folder=folder, progress=QUIET)


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def mean_of(cell: str) -> float:
    return float(cell.split(" ± ", maxsplit=1)[0])


def rows_of(section: Section, table: int = 0) -> dict[str, dict[str, str]]:
    """Cells by the first of their row and the name of their column."""
    found = section.tables[table]
    return {row[0]: dict(zip(found.header, row, strict=True)) for row in found.rows}


def test_more_training_stars_hold_the_fewer_and_the_test_stays(stars):
    target, _ = stars
    parts = [split(target, seed=4, test=0.2, stars=count, validation=0.0) for count in (10, 40, 100, None)]
    training = [set(each.training) for each in parts]
    assert [len(each) for each in training[:3]] == [10, 40, 100]
    assert training[0] < training[1] < training[2] < training[3]
    assert all((np.sort(each.test) == np.sort(parts[0].test)).all() for each in parts)
    assert not {target.group[star] for star in training[3]} & set(target.group[parts[0].test])
    assert all(not len(each.validation) for each in parts)


def test_validation_takes_its_share_of_few_stars_too(stars):
    target, _ = stars
    for count in (20, 60):
        each = split(target, seed=4, test=0.2, stars=count, validation=0.2)
        together = np.concatenate([each.training, each.validation])
        assert set(together) == set(split(target, seed=4, test=0.2, stars=count).training)
        assert len(each.validation) == pytest.approx(0.2 * count, abs=2)


def test_every_class_keeps_its_share_in_a_small_draw(stars):
    target, _ = stars
    for seed in range(5):
        each = split(target, seed=seed, test=0.2, stars=24)
        assert np.bincount(target.label[each.training]) == pytest.approx([12, 8, 4], abs=1)
        assert np.bincount(target.label[each.test]) == pytest.approx([18, 12, 6], abs=2)


def test_repeats_are_split_anew(stars):
    target, _ = stars
    tests = [set(split(target, seed=seed, test=0.2).test) for seed in (0, 1)]
    assert tests[0] != tests[1]


@pytest.mark.parametrize("way", Way)
def test_an_honest_choice_of_the_training_epoch_is_never_better_than_the_papers(
    stars, pretrained, tmp_path, way
):
    cell = cell_of(stars, pretrained, tmp_path, way, follow_training=True)
    assert cell.test.shape == cell.validation.shape == cell.training.shape == cell.rate.shape == (6, 3)
    assert (cell.honest <= cell.paper).all()
    for repeat in range(3):
        chosen = int(np.argmax(cell.validation[:, repeat]))
        assert cell.honest[repeat] == cell.test[chosen, repeat]
        assert cell.paper[repeat] == max(cell.test[:, repeat])
    assert np.isfinite(cell.training).all()


def test_the_confusion_matrix_is_of_the_networks_that_validation_chose(stars, pretrained, tmp_path):
    target, values = stars
    settings = CellSettings(way=Way.EVERY_LAYER, repeats=2, schedule=Plateau(training_epochs=5, batch=32))
    fitted = fit_repeats(target, values, pretrained, settings, progress=QUIET)
    cell = run_cell(target, values, pretrained, settings, cache_folder=tmp_path, progress=QUIET)
    expected = np.zeros((3, 3), int)
    for repeat, (each, scale) in enumerate(zip(fitted.splits, fitted.scales, strict=True)):
        model = Model(fitted.networks.weights(repeat), 1e-5, scale)
        said = model.probabilities(values[each.test]).argmax(axis=1)
        expected += confusion_matrix(target.label[each.test], said, labels=[0, 1, 2])
        mc = (1.0 + matthews_corrcoef(target.label[each.test], said)) / 2.0
        assert mc == pytest.approx(cell.honest[repeat], abs=0.02)  # two stars of 36 may be cut off the stack
    assert np.abs(cell.confusion - expected).sum() <= 4
    assert cell.n_training == min(len(each.training) for each in fitted.splits)
    assert np.isnan(cell.training).all()  # was not asked for


def test_a_last_layer_model_keeps_the_pretrained_layers(stars, pretrained):
    target, values = stars
    settings = CellSettings(way=Way.LAST_LAYER, repeats=2, schedule=Plateau(training_epochs=2, batch=32))
    made = fit_repeats(target, values, pretrained, settings, progress=QUIET).networks.weights(1)
    assert (made["fc2.weight"] == pretrained.weights["fc2.weight"]).all()
    assert made["fc4.weight"].shape == (3, 256)


def test_features_that_are_left_out_are_not_seen(stars):
    target, values = stars
    settings = CellSettings(
        way=Way.SCRATCH, repeats=2, schedule=Plateau(training_epochs=2, batch=32), left_out=(0, 5)
    )
    changed = values.copy()
    changed[:, [0, 5]] = np.random.default_rng(0).normal(size=(180, 2))
    made = [fit_repeats(target, each, None, settings, progress=QUIET) for each in (values, changed)]
    assert made[0].networks.weights()["fc1.weight"].shape == (64, 14)
    assert (made[0].history.mc["test"] == made[1].history.mc["test"]).all()


def test_a_cell_is_computed_once_and_read_back_as_it_was(stars, pretrained, tmp_path, monkeypatch):
    cell = cell_of(stars, pretrained, tmp_path, Way.EVERY_LAYER)
    monkeypatch.setattr(cells_module, "fit_repeats", None)  # not called again
    again = cell_of(stars, pretrained, tmp_path, Way.EVERY_LAYER)
    for name in ("rate", "training", "validation", "test", "confusion"):
        assert np.array_equal(getattr(cell, name), getattr(again, name), equal_nan=True)
    assert (again.n_training, type(again.n_training)) == (cell.n_training, int)


@pytest.mark.parametrize("changed", ["stars", "seed", "values", "pretrained", "way"])
def test_what_a_cell_depends_on_is_computed_anew(stars, pretrained, tmp_path, monkeypatch, changed):
    target, values = stars
    cell_of(stars, pretrained, tmp_path, Way.EVERY_LAYER)
    monkeypatch.setattr(cells_module, "fit_repeats", None)
    more: dict = {"stars": {"stars": 50}, "seed": {"first_seed": 1}}.get(changed, {})
    way = Way.LAST_LAYER if changed == "way" else Way.EVERY_LAYER
    if changed == "values":
        values = values.copy()
        values[3, 3] += 1e-9
    if changed == "pretrained":
        pretrained = Pretrained("other", Networks.random(5, [10]).weights(), 1e-5)
    with pytest.raises(TypeError, match="not callable"):
        cell_of((target, values), pretrained, tmp_path, way, **more)


def test_a_summary_is_the_mean_and_its_standard_error():
    assert summary(np.array([0.7, 0.8, 0.9])) == (pytest.approx(0.8), pytest.approx(0.1 / math.sqrt(3)))


def test_fig_7_has_a_row_for_every_share_and_a_column_for_every_way(bench, stars, pretrained):
    target, values = stars
    section = learning_curves(bench, target, values, pretrained)
    honest, paper = rows_of(section, 0), rows_of(section, 1)
    assert list(honest) == list(paper) == ["20%", "100%"]
    for share, stars_used in (("20%", 0.2), ("100%", 1.0)):
        fitted = int(honest[share]["stars fitted"])
        assert fitted == pytest.approx(0.8 * 0.8 * 180 * stars_used, abs=4)  # a fifth chooses the epoch
        for way in Way:
            assert 0.0 <= mean_of(honest[share][way]) <= mean_of(paper[share][way]) <= 1.0
    assert [figure.path.name for figure in section.figures] == ["fig7.png", "fig8.png"]
    assert all(is_png(figure.path) for figure in section.figures)
    assert "0.9501 ± 0.0018" in section.paragraphs[1]
    settings = CellSettings(way=Way.LAST_LAYER, stars=round(0.2 * 0.8 * 180))
    mean, error = summary(bench.cell(target, values, pretrained, settings).honest)
    assert honest["20%"]["last-layer"] == f"{mean:.4f} ± {error:.4f}"
    assert len(list(bench.cache_folder.glob("cell-*.npz"))) == 7  # and none more for this last


def test_the_three_ways_stand_beside_the_papers(bench, stars, pretrained):
    target, values = stars
    section = three_ways(
        bench,
        target,
        values,
        pretrained,
        test=0.5,
        paper=PAPER_TABLE_6,
        names=("Table 6", "Fig. 9"),
        differs="These are made up.",
    )
    rows = rows_of(section)
    assert list(rows) == ["scratch", "every-layer", "last-layer"]
    assert [row["paper"] for row in rows.values()] == list(PAPER_TABLE_6.values())
    for row in rows.values():
        assert mean_of(row["chosen on validation"]) <= mean_of(row["chosen on the test stars"])
    best = max(rows, key=lambda name: mean_of(rows[name]["chosen on validation"]))
    assert best in section.figures[0].caption
    assert section.figures[0].path.name == "fig9.png"
    assert is_png(section.figures[0].path)
    assert "50% of the stars are the test. These are made up." in section.paragraphs[0]


def test_fig_10_counts_the_training_epochs_until_a_network_is_good(bench, stars, monkeypatch):
    scratch = np.array([[0.5, 0.5], [0.6, 0.6], [0.9, 0.7], [0.9, 0.7]])
    every = np.array([[0.95, 0.5], [0.96, 0.95], [0.96, 0.95], [0.96, 0.95]])
    confusion = np.eye(3, dtype=np.int64)
    given = [Cell(each, each, each, each, confusion, 10) for each in (scratch, every)]
    monkeypatch.setattr(Bench, "cell", lambda *_arguments: given.pop(0))
    section = first_epochs(bench, *stars, Pretrained("none", {}, 1e-5))
    # 99 % of (0.9 + 0.7) / 2: reached in the third epoch or never, of four; in the first and the second
    assert "A mean of 3.5 training epochs from scratch and of 1.5 from" in section.paragraphs[0]
    assert "Mc = 0.792" in section.paragraphs[0]
    assert "in the first 4 training epochs" in section.paragraphs[0]
    assert section.figures[0].path.name == "fig10.png"
    assert is_png(section.figures[0].path)


def test_fig_10_is_of_the_cells_of_table_8(bench, stars, pretrained):
    target, values = stars
    section = first_epochs(bench, target, values, pretrained)
    assert "in the first 3 training epochs" in section.paragraphs[0]
    assert len(list(bench.cache_folder.glob("cell-*.npz"))) == 2


def curves(counts: list[int], duration_d: float = 100.0) -> LightCurves:
    rng = np.random.default_rng(8)
    time = np.concatenate([50_000.0 + np.sort(rng.uniform(0.0, duration_d, count)) for count in counts])
    return LightCurves(
        time,
        rng.normal(15.0, 0.3, time.size),
        rng.uniform(0.01, 0.1, time.size),
        offsets_of(np.array(counts)),
    )


def test_points_are_drawn_from_the_first_days_of_each_light_curve():
    whole = curves([200, 30, 200, 10])
    short, kept = resampled(whole, 20, 40.0, seed=1)
    assert kept.tolist() == [0, 2]  # 30 points in 100 days are some 12 in 40
    assert short.n_epochs.tolist() == [20, 20]
    for place, number in enumerate(kept):
        time, mag, err = short.pick(place)
        of_all = list(zip(*whole.pick(number), strict=True))
        assert set(zip(time, mag, err, strict=True)) <= set(of_all)
        assert (np.diff(time) > 0.0).all()  # none is drawn twice, and they are in order
        assert time.max() <= whole.pick(number)[0].min() + 40.0
        assert time.tolist() != whole.pick(number)[0][:20].tolist()  # at random


def test_drawing_all_there_is_gives_the_light_curve_itself():
    whole = curves([25, 25])
    short, kept = resampled(whole, 25, 1000.0, seed=3)
    assert kept.tolist() == [0, 1]
    assert (short.time == whole.time).all()
    assert (short.mag == whole.mag).all()


def test_the_seed_draws_the_points_and_nothing_is_left_of_light_curves_that_are_too_short():
    whole = curves([100])
    draws = [resampled(whole, 30, 100.0, seed=seed)[0].time for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
    none, kept = resampled(whole, 101, 100.0, seed=1)
    assert (len(none), len(kept)) == (0, 0)


@pytest.fixture(scope="module")
def seen() -> Target:
    """Eight light curves of 60 points in 90 days, of two classes."""
    whole = curves([60] * 8, 90.0)
    label = np.arange(8) % 2
    part = Part(LabelledCurves("seen", whole, {}), np.arange(8), np.array(["A", "B"])[label])
    return Target("seen", ("A", "B"), label, np.arange(8), (part,))


def convinced(answer: int) -> Asked:
    """A model of three classes that gives one of them whatever it is shown."""
    values = np.random.default_rng(0).uniform(0.1, 1.0, (50, 16))
    weights = {name: np.zeros_like(array) for name, array in Networks.random(3, [0]).weights().items()}
    weights.update({name: np.ones_like(array) for name, array in weights.items() if name.endswith("_var")})
    weights["bn5.bias"] = 3.0 * (np.arange(3) == answer).astype(np.float32)
    return Asked(
        f"always {answer}", Model(weights, 1e-5, fit_preprocessing(values)), ("x", "y", "z"), Extraction()
    )


@pytest.fixture
def small_grid(monkeypatch):
    monkeypatch.setattr(durations_module, "COUNTS", (10, 20, 70))
    monkeypatch.setattr(durations_module, "DURATIONS_D", (10, 90))


@pytest.mark.usefixtures("small_grid")
def test_fig_12_has_a_number_where_half_of_the_stars_have_the_points(bench, seen):
    mc = mc_by_duration(bench, convinced(1), seen, np.arange(8), (0, 1, -1), workers=1)
    assert (np.isfinite(mc) == [[False, True], [False, True], [False, False]]).all()  # some 7 points in 10 d
    assert mc[:2, 1] == pytest.approx(0.5)  # one answer only
    of_a = mc_by_duration(bench, convinced(2), seen, np.arange(0, 8, 2), (1, 1, -1), workers=1)
    assert of_a[0, 1] == pytest.approx(0.5)


@pytest.mark.usefixtures("small_grid")
def test_fig_12_measures_what_the_model_says_about_the_stars_it_is_given(bench, seen, monkeypatch):
    shown = np.array([0, 1, 2, 5])
    whole = seen.parts[0].survey.curves
    short, kept = resampled(whole.take(shown), 20, 90.0, seed=20)
    assert len(kept) == 4
    values, _ = extract(short.time, short.mag, short.err, short.offsets)
    # of 20 seeds the first whose answers would be judged otherwise under another meaning
    meaning, truth = np.array([1, 0, 0]), shown % 2
    for seed in range(20):
        model = Model(Networks.random(3, [seed]).weights(), 1e-5, fit_preprocessing(values))
        said = model.probabilities(values).argmax(axis=1)
        expected, other = ((1.0 + matthews_corrcoef(truth, each)) / 2.0 for each in (meaning[said], said))
        if abs(expected - other) > 0.1 and abs(expected - 0.5) > 0.1:
            break
    else:
        pytest.fail("no network tells the light curves apart")
    asked = Asked("random", model, ("x", "y", "z"), Extraction())
    mc = mc_by_duration(bench, asked, seen, shown, meaning, workers=1)
    assert mc[1, 1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.usefixtures("small_grid")
def test_fig_12_is_a_table_and_a_plot_for_each_model(bench, seen):
    models = [(convinced(0), (0, 1, -1)), (convinced(1), (0, 1, -1))]
    section = durations(bench, seen, np.arange(8), models, workers=1)
    assert [table.caption for table in section.tables] == ["always 0: Mc", "always 1: Mc"]
    for table in section.tables:
        assert table.header == ("points", "10 d", "90 d")
        assert table.rows == (("10", "", "0.500"), ("20", "", "0.500"), ("70", "", ""))
    assert [figure.path.name for figure in section.figures] == ["fig12_0.png", "fig12_1.png"]
    assert all(is_png(figure.path) for figure in section.figures)
    assert "8 stars of seen" in section.paragraphs[0]


VARIANT = Variant(
    name="test",
    layers=None,
    schedule=OneCycle(steps=60, batch=32, input_noise=0.0, label_smoothing=0.0),
)


@pytest.fixture(scope="module")
def ground() -> Ground:
    """Sixty stars of two classes eight sigma apart, their examples, and one star without features."""
    rng = np.random.default_rng(1)
    label = np.arange(60) % 2
    kinds = [Kind.FULL, *[Kind.FIRST] * 3, Kind.PREFIX, Kind.SHUFFLED, Kind.CONSTANT]
    star = np.repeat(np.arange(60), len(kinds))
    kind = np.tile(kinds, 60).astype(np.int8)
    place = np.where(np.isin(kind, (Kind.SHUFFLED, Kind.CONSTANT)), -1.0, label[star])
    values = rng.normal(size=(420, 16)) + 2.0 * place[:, None]
    status = np.zeros(420, np.uint32)
    values[:7], status[:7] = np.nan, 1
    n_epochs = np.tile([100, 20, 40, 80, 50, 30, 30], 60)
    table = FeatureTable(values, status, star, kind, n_epochs)
    target = Target("ground", ("A", "B"), label, np.arange(60), ())
    start = Start("random", Networks.random(4, [3]).weights(), fit_preprocessing(values[7:]))
    return Ground(target, table, start, 0.25)


def test_our_recipe_is_measured_by_what_a_star_is_shown_with_and_by_repeat(bench, ground):
    scores = measure(bench, ground, VARIANT, stars=40, repeats=2)
    for values in (scores.mc, scores.calibration_error, scores.sure, scores.right):
        assert values.shape == (len(SHOWN), 2)
    assert (scores.mc > 0.85).all()  # one star has no features, and is wrong
    assert ((scores.sure >= 0.0) & (scores.sure <= 1.0)).all()
    full, more = SHOWN.index(None), SHOWN.index(150)
    assert (scores.mc[more] == scores.mc[full]).all()  # no star has more than 100 epochs


def test_our_recipe_gives_the_same_again_and_is_kept(bench, ground, tmp_path, monkeypatch):
    scores = measure(bench, ground, VARIANT, stars=40, repeats=2)
    other = replace(bench, cache_folder=tmp_path / "other")
    again = measure(other, ground, VARIANT, stars=40, repeats=2)
    assert np.array_equal(scores.mc, again.mc)
    assert np.array_equal(scores.calibration_error, again.calibration_error)
    monkeypatch.setattr(recipe_models, "split", None)  # not called again
    kept = measure(bench, ground, replace(VARIANT, name="another name"), stars=40, repeats=2)
    assert np.array_equal(kept.mc, scores.mc)
    with pytest.raises(TypeError, match="not callable"):
        measure(bench, ground, replace(VARIANT, shortened=False), stars=40, repeats=2)


@pytest.mark.parametrize("layers", Layers)
def test_a_pretrained_start_is_measured_too(bench, ground, layers):
    variant = replace(VARIANT, layers=layers)
    scores = measure(bench, ground, variant, stars=40, repeats=2)
    assert (scores.mc[0] > 0.85).all()


def test_parts_of_the_recipe_are_left_out_one_at_a_time():
    ours, *others = variants_of(ours_for(300))
    assert (ours.layers, ours_for(1500).layers) == (Layers.LAST, Layers.EVERY)
    for variant in others:
        changed = {
            name
            for name in ("layers", "shortened", "non_variables", "calibrated")
            if getattr(variant, name) != getattr(ours, name)
        }
        assert changed
        assert variant.name.startswith(("without", "from random weights"))
    assert len({variant.name for variant in others}) == len(others)


def test_without_stars_that_do_not_vary_there_is_no_class_for_them(bench, ground):
    plain = replace(VARIANT, non_variables=False, shortened=False, calibrated=False)
    scores = measure(bench, ground, plain, stars=40, repeats=2)
    assert (scores.mc[0] > 0.85).all()


def write(path: Path, labels: list[str], epochs: int | list[int] = 25, **columns: np.ndarray) -> None:
    counts = np.full(len(labels), epochs) if isinstance(epochs, int) else np.array(epochs)
    n, rng = counts.sum(), np.random.default_rng(0)
    np.savez(
        path,
        time=np.concatenate([np.arange(float(count)) for count in counts]),
        mag=rng.normal(15.0, 0.1, n),
        err=np.full(n, 0.1),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        object_id=np.array([f"{path.stem}-{i}" for i in range(len(labels))]),
        native_class=np.array(labels),
        **columns,
    )


def test_asas_8_is_acvs_and_the_cepheids_that_are_not_in_it(tmp_path):
    write(tmp_path / "asas_acvs_V.npz", ["RRAB", "EC", "RRAB/EC", "MIRA", "DSCT"], [25, 25, 25, 25, 19])
    write(
        tmp_path / "asas_richards_V.npz",
        ["Classical_Cepheid", "Classical_Cepheid", "RR_Lyrae_FM"],
        acvs_id=np.array(["", "asas_acvs_V-0", ""]),
    )
    target = asas_8(tmp_path)
    assert target.classes == ("CEPH", "EC", "MIRA", "RRAB")
    assert [target.classes[label] for label in target.label] == ["RRAB", "EC", "MIRA", "CEPH"]
    assert target.surveys == ("asas_acvs_V", "asas_richards_V")
    assert [part.stars.tolist() for part in target.parts] == [[0, 1, 3], [0]]
    assert len(set(target.group)) == 4


def test_hipparcos_20_joins_sx_phoenicis_to_delta_scuti(tmp_path):
    labels = ["SX Phoenicis", "Delta Scuti", "Mira", "Mira"]
    write(tmp_path / "hipparcos_debosscher_Hp.npz", labels, [25, 25, 25, 19])
    target = hipparcos_20(tmp_path)
    assert target.classes == ("Delta Scuti", "Mira")
    assert target.label.tolist() == [0, 0, 1]


def test_css_12_is_a_sample_with_every_classes_share(tmp_path):
    write(tmp_path / "css_sss_V.npz", ["RRab"] * 60 + ["EW"] * 30 + ["LMC-CEP"] * 10)
    target = css_12(tmp_path, stars=30)
    assert target.classes == ("EW", "RRab")
    assert np.bincount(target.label).tolist() == [10, 20]
    (part,) = target.parts
    assert (part.survey.columns["native_class"][part.stars] == part.label).all()
    assert len(css_12(tmp_path)) == 90


def test_a_part_of_a_target_keeps_its_stars_and_labels(tmp_path):
    write(tmp_path / "css_sss_V.npz", ["RRab"] * 6 + ["EW"] * 4)
    target = css_12(tmp_path)
    few = target.where(np.arange(10) % 3 == 0)
    assert len(few) == len(few.parts[0].stars) == 4
    assert (few.label == target.label[::3]).all()
    table = few.examples(Sampling(), Extraction(), cache_folder=None, workers=1, progress=QUIET)
    assert table.star.tolist() == [0, 1, 2, 3]  # counts the stars of the target
    assert table.values.shape == (4, len(FEATURE_NAMES))


def test_an_unknown_experiment_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(SettingsError, match="no experiment 'fig13': there are recipe, fig7, hipparcos"):
        reproduce(
            tmp_path / "none",
            tmp_path / "report",
            SCALE,
            only=["fig7", "fig13"],
            published=None,
            cache_folder=tmp_path / "cache",
            workers=1,
            device="cpu",
            command="",
            progress=QUIET,
        )
    assert not (tmp_path / "report").exists()


def test_the_command_names_the_experiments_there_are(tmp_path, capsys):
    command = f"reproduce --light-curves {tmp_path} --output {tmp_path / 'report'} --only nonsense"
    assert main(command.split()) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("varstream-train: no experiment 'nonsense'")
    assert all(name in said for name in EXPERIMENTS)


def test_a_report_that_cannot_be_written_and_a_folder_without_surveys_are_named(tmp_path, capsys):
    taken = tmp_path / "file"
    taken.write_text("no folder")
    command = [
        "reproduce",
        "--quick",
        "--only",
        "hipparcos",
        "--cache",
        str(tmp_path / "cache"),
        "--light-curves",
    ]
    assert main([*command, str(tmp_path), "--output", str(taken)]) == 2
    assert f"cannot write the report to {taken}" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "none"), "--output", str(tmp_path / "report")]) == 2
    assert "hipparcos_debosscher_Hp.npz" in capsys.readouterr().err


def test_an_experiment_from_light_curves_to_the_page(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    n, points = 60, 40
    label = np.arange(n) % 2
    time = np.sort(rng.uniform(0.0, 400.0, (n, points)), axis=1)
    period = np.where(label, 120.0, 0.6) * rng.uniform(0.8, 1.2, n)
    mag = 15.0 + 0.4 * np.sin(2.0 * np.pi * time / period[:, None]) + rng.normal(0.0, 0.02, (n, points))
    np.savez(
        tmp_path / "hipparcos_debosscher_Hp.npz",
        time=time.ravel(),
        mag=mag.ravel(),
        err=np.full(n * points, 0.02),
        offsets=np.arange(0, n * points + 1, points),
        object_id=np.arange(n).astype(str),
        native_class=np.array(["RR Lyrae", "Mira"])[label],
    )
    published = Model(
        Networks.random(21, [0]).weights(), 64.0, fit_preprocessing(rng.uniform(0.1, 1.0, (50, 16)))
    )
    path = reproduce(
        tmp_path,
        tmp_path / "report",
        SCALE,
        only=["hipparcos"],
        published=published,
        cache_folder=tmp_path / "cache",
        workers=1,
        device="cpu",
        command="varstream-train reproduce",
        progress=QUIET,
    )
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "report" / "report.html"
    assert "Hipparcos-20 (Table 6, Fig. 9)" in text
    assert "60 stars of 2 classes" in text
    assert "0.8230 ± 0.0018" in text
    assert is_png(tmp_path / "report" / "figures" / "fig9.png")
