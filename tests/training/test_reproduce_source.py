"""Experiments on the source set: Table 3, Figs. 3 to 6, forests and odd light curves."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.progress import Progress
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import matthews_corrcoef

import training.reproduce.best_network as best_network_module
from features import FEATURE_NAMES
from training.export import Model
from training.feature_table import Extraction
from training.light_curves import LabelledCurves, LightCurves, offsets_of
from training.networks import Networks
from training.preprocess import fit_preprocessing
from training.report import Section
from training.reproduce import odd_curves, targets
from training.reproduce.architectures import PAPER_TABLE_3, architectures, size_of
from training.reproduce.best_network import best_network
from training.reproduce.cells import oversampled
from training.reproduce.forests import Case, Grid, Kind, forest_mc, forests
from training.reproduce.importance import feature_importance, shapley_values
from training.reproduce.kept import kept
from training.reproduce.odd_curves import Asked, predicted_classes, random_curves, shuffled_curves
from training.reproduce.repeats import split
from training.reproduce.settings import Scale
from training.reproduce.source import chosen_settings, run
from training.reproduce.source_figures import answers, training_run
from training.reproduce.targets import Part, Target, source_pool
from training.reproduce.transfer_figures import Bench
from training.reproduce.variants import imbalance, without_period
from training.surveys import Survey

SCALE = Scale(
    repeats=2,
    training_epochs=8,
    table3_stars=160,
    large_repeats=2,
    large_training_epochs=1,
    forest_repeats=2,
    shap_stars=5,
    shap_background=8,
    random_curves=4,
)
PERIOD = FEATURE_NAMES.index("period")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(SCALE, tmp_path / "cache", tmp_path / "figures", Progress(disable=True))


@pytest.fixture(scope="module")
def stars() -> tuple[Target, np.ndarray]:
    """Three classes that differ in the period only; every tenth star has two light curves."""
    rng = np.random.default_rng(2)
    label = np.sort(np.resize([0, 0, 0, 1, 1, 2], 240)).astype(np.int64)
    values = rng.normal(0.0, 1.0, (240, 16))
    values[:, PERIOD] = 10.0 ** rng.normal(label, 0.1)
    group = np.arange(240)
    group[1::10] = group[::10]
    return Target("made up", ("A", "B", "C"), label, group, ()), values


def cells_of(section: Section, table: int = 0) -> dict[str, dict[str, str]]:
    """Cells by the first of their row and the name of their column."""
    found = section.tables[table]
    return {row[0]: dict(zip(found.header, row, strict=True)) for row in found.rows}


def test_no_star_is_in_two_parts_and_stars_of_two_light_curves_are_not_preferred(stars):
    target, _ = stars
    pairs = Target("pairs", ("A",), np.zeros(400, np.int64), np.repeat(np.arange(200), 2), ())
    for each in (target, pairs):
        parts = split(each, seed=1, test=0.2, validation=0.2)
        groups = [set(each.group[rows]) for rows in (parts.training, parts.validation, parts.test)]
        assert not any(a & b for a, b in itertools.combinations(groups, 2))
        assert sum(map(len, (parts.training, parts.validation, parts.test))) == len(each)
        assert len(parts.validation) == pytest.approx(0.16 * len(each), abs=3)


def test_results_are_computed_once_and_a_damaged_one_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3.0)}

    for _ in range(2):
        assert kept(tmp_path, "thing", {"a": 1}, compute)["x"].tolist() == [0.0, 1.0, 2.0]
    assert len(calls) == 1
    next(tmp_path.glob("thing-*.npz")).write_bytes(b"PK\x03\x04 cut short")
    assert kept(tmp_path, "thing", {"a": 1}, compute)["x"].tolist() == [0.0, 1.0, 2.0]
    assert kept(tmp_path, "thing", {"a": 2}, compute)["x"].tolist() == [0.0, 1.0, 2.0]
    assert len(calls) == 3


def write(path: Path, labels: list[str], ids: list[str], **columns: np.ndarray) -> None:
    n, rng = 25 * len(labels), np.random.default_rng(0)
    np.savez(
        path,
        time=np.tile(np.arange(25.0), len(labels)),
        mag=rng.normal(15.0, 0.1, n),
        err=np.full(n, 0.1),
        offsets=np.arange(0, n + 1, 25),
        object_id=np.array(ids),
        **{"native_class": np.array(labels), **columns},
    )


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
    monkeypatch.setattr(targets, "SURVEYS", known)
    write(tmp_path / "first.npz", ["ab"] * 10 + ["c"] * 4 + ["RR"] * 3, [f"f{i}" for i in range(17)])
    write(tmp_path / "second.npz", ["c"] * 2, ["s0", "s1"], first_id=np.array(["", "f11"]))
    write(tmp_path / "field.npz", ["?"] * 3, ["x0", "x1", "x2"], kind=np.array(["NonVar", "", "NonVar"]))
    return tmp_path


def test_the_source_pool_has_stars_of_one_class_only_and_few_of_one_label(pool):
    target = source_pool(pool, stars=None, stars_per_label=6)
    assert target.classes == ("NonVar", "RRL_ab", "RRL_c")
    assert np.bincount(target.label).tolist() == [2, 6, 6]
    assert target.surveys == ("first", "second", "field")
    native = [part.survey.columns["native_class"][part.stars] for part in target.parts]
    assert "RR" not in np.concatenate(native)


def test_a_star_of_two_surveys_is_one_star_of_the_source_pool(pool):
    target = source_pool(pool, stars=None)
    ids = np.concatenate([part.survey.columns["object_id"][part.stars] for part in target.parts])
    assert len(np.unique(target.group)) == len(target) - 1
    assert target.group[ids == "f11"] == target.group[ids == "s1"]


def test_a_survey_is_left_out_with_its_stars_in_other_surveys(pool):
    target = source_pool(pool, stars=None, without=("first",))
    ids = np.concatenate([part.survey.columns["object_id"][part.stars] for part in target.parts])
    assert set(ids) == {"s0", "x0", "x2"}  # s1 is f11


def test_a_sample_of_the_source_pool_has_every_classes_share(pool):
    target = source_pool(pool, stars=9)
    assert np.bincount(target.label) == pytest.approx([1, 5, 3], abs=1)  # of 2, 10 and 6
    assert len(np.concatenate([part.stars for part in target.parts])) == 9


@pytest.mark.parametrize("widths", PAPER_TABLE_3, ids=str)
def test_a_network_is_as_large_as_its_layers_and_as_the_papers(widths):
    sizes = [16, *widths, 21]
    numbers = sum(a * b + b for a, b in itertools.pairwise(sizes)) + 4 * sum(sizes)
    assert size_of(widths, 21) == 4 * numbers
    text = PAPER_TABLE_3[widths][2].split()
    paper = float(text[0]) * {"KB": 1e3, "MB": 1e6}[text[1]]
    # The paper's are files, with some 3 KB beside the numbers, and rounded.
    assert size_of(widths, 21) == pytest.approx(paper, rel=0.11, abs=3500)


def test_table_3_has_thirteen_rows_beside_the_papers(bench, stars):
    section = architectures(bench, *stars)
    rows = cells_of(section)
    assert len(rows) == 13
    assert rows["64 → 128 → 256"]["paper's mean"] == "0.9015 ± 0.00022"
    for row in rows.values():
        assert float(row["best (on test)"]) >= float(row["best (on validation)"])
        assert 0.0 <= float(row["mean (on validation)"].split(" ± ")[0]) <= 1.0
    assert "2 of 1" in section.paragraphs[1]


def test_without_the_period_nothing_is_left_where_only_the_period_tells(bench, stars):
    longer = replace(bench, scale=replace(SCALE, training_epochs=30))
    rows = cells_of(without_period(longer, *stars))
    mean = [float(row["chosen on validation"].split(" ± ")[0]) for row in rows.values()]
    assert [row["paper"] for row in rows.values()] == ["0.90", "0.87", "0.82"]
    assert mean[0] > max(mean[1:]) + 0.1
    assert max(mean[1:]) < 0.65  # 0.5 is chance


def test_the_mean_recall_counts_every_class_alike(bench, stars):
    section = imbalance(bench, *stars)
    rows = cells_of(section)
    assert list(rows) == ["as they are", "rare classes over-sampled", "weighted loss (eq. 12)"]
    assert "3 times" in section.paragraphs[0]  # 120 of A and 40 of C
    confusion = run(bench, *stars, chosen_settings(SCALE)).confusion
    recall = np.diag(confusion) / confusion.sum(axis=1)
    assert rows["as they are"]["mean recall of the classes"] == f"{recall.mean():.4f}"
    assert rows["as they are"]["lowest recall"] == f"{recall.min():.4f}"


def test_over_sampling_makes_classes_equal_and_loses_no_star(stars):
    target, _ = stars
    shown = oversampled(np.arange(0, 240, 3), target.label, 0)
    assert np.bincount(target.label[shown]).tolist() == [40, 40, 40]
    assert set(shown) == set(range(0, 240, 3))


def test_the_arrow_of_fig_5_is_at_the_highest_validation_mc(bench, stars):
    section = training_run(bench, *stars)
    rows = cells_of(section)
    assert rows["validation"]["at the chosen training epoch"] == rows["validation"]["highest"]
    assert rows["validation"]["paper's highest"] == "0.9043"
    assert section.figures[0].path.read_bytes().startswith(b"\x89PNG")


def test_the_best_network_is_kept_with_its_constants_and_its_stars(bench, stars, monkeypatch):
    target, values = stars
    settings = chosen_settings(SCALE)
    cell = run(bench, target, values, settings)
    best = best_network(bench, target, values, settings, cell)
    assert cell.validation[:, best.repeat].max() == cell.validation.max()
    rows = best.stars.test
    predicted = best.model.probabilities(values[rows]).argmax(axis=1)
    mc = (1.0 + matthews_corrcoef(target.label[rows], predicted)) / 2.0
    # Alone it is trained as beside others, but for rounding.
    assert mc == pytest.approx(cell.honest[best.repeat], abs=0.05)
    monkeypatch.setattr(best_network_module, "fit_repeats", None)  # not called again
    again = best_network(bench, target, values, settings, cell)
    assert (again.model.probabilities(values) == best.model.probabilities(values)).all()
    section = answers(bench, target, values, best)
    shares = cells_of(section)
    probability = np.sort(best.model.probabilities(values[rows]), axis=1)
    assert shares["highest above 0.8"]["test stars"] == f"{(probability[:, -1] > 0.8).mean():.3f}"
    assert [figure.path.name for figure in section.figures] == ["fig3.png", "fig4.png"]
    assert sum(int(row["stars"]) for row in cells_of(section, 1).values()) == cell.confusion.sum()
    importance = cells_of(feature_importance(bench, target, values, best))
    assert next(iter(importance)) == "period"  # nothing else tells the classes apart
    assert importance["period"]["place in the paper"] == "1"


def explained(answer, rows, background):
    return shapley_values(answer, rows, background, seed=0, progress=Progress(disable=True))


def test_shapley_values_of_a_linear_model_are_in_closed_form():
    rng = np.random.default_rng(0)
    rows, background, weights = rng.normal(size=(4, 6)), rng.normal(size=(7, 6)), rng.normal(size=(6, 3))
    expected = (rows - background.mean(axis=0))[:, :, None] * weights
    assert explained(lambda x: x @ weights, rows, background) == pytest.approx(expected, abs=1e-12)


def by_definition(answer, row, background):
    """Shapley (1953): the weighted sum over all sets of features, the others from the background."""
    f = len(row)

    def worth(known):
        mixed = background.copy()
        mixed[:, list(known)] = row[list(known)]
        return answer(mixed).mean(axis=0)

    values = []
    for feature in range(f):
        others = [each for each in range(f) if each != feature]
        total = 0.0
        for size in range(f):
            weight = math.factorial(size) * math.factorial(f - size - 1) / math.factorial(f)
            for known in itertools.combinations(others, size):
                total = total + weight * (worth((*known, feature)) - worth(known))
        values.append(total)
    return np.array(values)


def test_shapley_values_of_pairs_of_features_are_exact():
    rng = np.random.default_rng(1)
    pairs, row, background = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=(3, 5))

    def answer(x):
        return np.einsum("ni,ij,nj->n", x, pairs, x)[:, None]

    expected = by_definition(answer, row, background)
    assert explained(answer, row[None], background)[0] == pytest.approx(expected, abs=1e-12)


def test_shapley_values_of_a_network_add_up_and_agree_with_the_definition():
    rng = np.random.default_rng(2)
    networks = Networks.random(3, [4], widths=(8, 6), n_features=5)
    weights = {name: array.astype(np.float64) for name, array in networks.weights().items()}

    def answer(x):
        for layer in (1, 2, 3):
            x = x @ weights[f"fc{layer}.weight"].T + weights[f"fc{layer}.bias"]
            x = np.maximum(x, 0.0) if layer < 3 else np.exp(4.0 * x)
        return x / x.sum(axis=1, keepdims=True)

    rows, background = rng.normal(size=(3, 5)), rng.normal(size=(400, 5))
    values = explained(answer, rows, background)
    added = answer(background).mean(axis=0) + values.sum(axis=1)
    assert added == pytest.approx(answer(rows), abs=1e-12)
    exact = np.stack([by_definition(answer, row, background) for row in rows])
    # What three features do together only depends on the 800 orders drawn: a few per cent of the whole.
    assert np.abs(values - exact).max() < 0.05 * np.abs(exact).max()


def test_shapley_values_are_those_of_the_shap_package():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import uses deprecated functions of matplotlib
        shap = pytest.importorskip("shap")
        rng = np.random.default_rng(3)
        rows, background = rng.normal(size=(3, 4)), rng.normal(size=(20, 4))

        def answer(x):
            return np.stack([x[:, 0] * x[:, 1] + x[:, 2], np.abs(x[:, 3]) + x[:, 0] * x[:, 3]], axis=1)

        peer = shap.KernelExplainer(answer, background).shap_values(rows, silent=True)
    assert explained(answer, rows, background) == pytest.approx(peer, abs=1e-9)


@pytest.mark.parametrize("kind", Kind)
def test_a_forest_is_scikit_learns_on_the_stars_of_the_networks(kind, bench, stars):
    target, values = stars
    settings = chosen_settings(SCALE)
    case = Case(target, values, settings, run(bench, target, values, settings))
    expected = []
    for seed in range(2):
        parts = split(target, seed=seed, test=0.2, stars=160, validation=0.2)
        known = np.concatenate([parts.training, parts.validation])
        peer = {Kind.FOREST: RandomForestClassifier, Kind.BOOSTING: HistGradientBoostingClassifier}[kind]
        predicted = peer(random_state=seed).fit(values[known], target.label[known]).predict(values)
        mcc = matthews_corrcoef(target.label[parts.test], predicted[parts.test])
        expected.append((1.0 + mcc) / 2.0)
    assert forest_mc(bench, case, kind) == pytest.approx(expected, abs=1e-12)
    assert len(list(bench.cache_folder.glob("forest-*.npz"))) == 1


def test_forests_stand_beside_networks_and_a_grid_is_searched_by_star(bench, stars):
    target, values = stars
    settings = chosen_settings(SCALE)
    case = Case(target, values, settings, run(bench, target, values, settings), is_source=True)
    grid = Grid(trees=(5, 15), features=(4,), folds=3)
    row = cells_of(forests(bench, [case], grid=grid))["made up"]
    assert row["paper's forest"] == "0.8963 ± 0.0008"
    assert float(row["Random Forest"].split(" ± ")[0]) > 0.9


def test_random_light_curves_have_the_scatter_they_are_named_for():
    for draw, scatter in (("uniform", 1.0 / np.sqrt(12.0)), ("normal", 0.1)):
        curves = random_curves(40, draw, seed=1).curves
        assert (len(curves), set(curves.n_epochs)) == (40, {500})
        assert curves.mag.std() == pytest.approx(scatter, rel=0.02)  # 20,000 points: 0.5 %
        assert (np.diff(curves.time.reshape(40, 500)) > 0.0).all()


@pytest.fixture
def few() -> Target:
    """Ten light curves of 30 points, and one of 5, in one part."""
    rng = np.random.default_rng(4)
    counts = np.array([30] * 10 + [5])
    n = counts.sum()
    time = np.concatenate([np.sort(rng.uniform(0.0, 100.0, count)) for count in counts])
    curves = LightCurves(time, rng.normal(15.0, 1.0, n), rng.uniform(0.01, 0.1, n), offsets_of(counts))
    label = np.zeros(11, np.int64)
    part = Part(LabelledCurves("few", curves, {}), np.arange(11), np.full(11, "A"))
    return Target("few", ("A",), label, np.arange(11), (part,))


def test_shuffled_points_stay_in_their_light_curve_with_their_errors(few):
    (shuffled,) = shuffled_curves(few, None, seed=0)
    for star in range(11):
        time, mag, err = few.parts[0].survey.curves.pick(star)
        new_time, new_mag, new_err = shuffled.curves.pick(star)
        assert (new_time == time).all()
        assert sorted(zip(new_mag, new_err, strict=True)) == sorted(zip(mag, err, strict=True))
        assert (new_mag != mag).any()
    assert len(shuffled_curves(few, 4, seed=0)[0].curves) == 4


@pytest.fixture
def convinced() -> Asked:
    """A model that says NonVar whatever it is shown."""
    values = np.random.default_rng(0).uniform(0.1, 1.0, (50, 16))
    weights = {name: np.zeros_like(array) for name, array in Networks.random(3, [0]).weights().items()}
    weights.update({name: np.ones_like(array) for name, array in weights.items() if name.endswith("_var")})
    weights["bn5.bias"] = np.array([0.0, 0.0, 3.0], np.float32)
    model = Model(weights, 1e-5, fit_preprocessing(values))
    return Asked("convinced", model, ("EB_ED", "LPV_a", "NonVar"), Extraction())


def test_light_curves_that_are_too_short_are_counted_apart(bench, few, convinced):
    counts = predicted_classes(bench, convinced, shuffled_curves(few, None, seed=0), workers=1)
    assert counts == {"EB_ED": 0, "LPV_a": 0, "NonVar": 10, "not scored": 1}


def test_answers_about_odd_light_curves_stand_beside_the_papers(bench, few, convinced):
    section = odd_curves.odd_curves(bench, [convinced], few, workers=1)
    rows = cells_of(section)
    assert rows["non-variable"]["random, uniform"] == rows["non-variable"]["random, normal"] == "1.000"
    assert rows["non-variable"]["shuffled"] == f"{10 / 11:.3f}"
    assert rows["not scored"]["shuffled"] == f"{1 / 11:.3f}"
    assert rows["detached eclipsing binary"]["paper, shuffled"] == "0.27"
    shares = [float(row["shuffled"]) for row in rows.values()]
    assert sum(shares) == pytest.approx(1.0, abs=0.003)
