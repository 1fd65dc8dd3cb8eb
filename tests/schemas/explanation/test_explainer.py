"""Explanations of the shipped network: another implementation, its own probabilities, a made-up graph."""

import warnings
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from broker.classify.classifier import Classifier
from features import FEATURE_NAMES
from schemas.explanation import explainer as module
from schemas.explanation.explainer import OF_A_RECORD, Effort, Explainer, speaking
from schemas.model.artifact import Artifact
from schemas.model.fusion import fuse
from schemas.model.manifest import Manifest
from schemas.model.onnx_session import open_session
from schemas.model.priors import with_priors
from tests.broker.explaining import background, explainer, rows
from tests.broker.streams import FUSED, fusing

ONE = Effort(100, 1)
SMALL = 8
"""Background rows where all 65,536 sets of features are asked about: each of them costs as many rows."""


def log_odds(probabilities, number):
    """Of a class, from probabilities (n, k)."""
    return np.log(probabilities[:, number] / np.delete(probabilities, number, axis=1).sum(axis=1))


def probabilities(artifact, values):
    return artifact.score(values, np.ones(len(values), bool)).probabilities.astype(np.float64)


@pytest.fixture(scope="module")
def artifact():
    return fusing().artifact


@pytest.fixture(scope="module")
def star(artifact):
    """Features of one, and its most probable class."""
    row = rows()[-1]
    return row, int(probabilities(artifact, row[None])[0].argmax())


def test_they_are_those_of_the_shap_package_within_the_stated_error(artifact, star, monkeypatch):
    """Of ten draws of orders, each of which has errors of its own."""
    row, number = star
    few = background()[:SMALL]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import uses deprecated functions of matplotlib
        shap = pytest.importorskip("shap")
        masker = shap.maskers.Independent(few, max_samples=SMALL)
        asked = shap.explainers.ExactExplainer(lambda x: log_odds(probabilities(artifact, x), number), masker)
        peer = asked(row[None])
    sigmas = []
    for seed in range(10):
        monkeypatch.setattr(module, "SEED", seed)
        why = Explainer(artifact, few).explain(row[None], number, effort=Effort(SMALL, 64))
        assert why.background_mean == pytest.approx(peer.base_values[0], abs=1e-6)
        assert why.errors.max() < 0.05 * np.abs(peer.values[0]).max()
        sigmas.append((why.values - peer.values[0]) / why.errors)
    assert np.abs(sigmas).max() < 5.0
    assert 0.7 < np.sqrt(np.square(sigmas).mean()) < 1.3  # the errors are neither too large nor too small


def test_they_add_up_to_the_log_odds_of_the_probability(artifact, star):
    row, number = star
    why = explainer().explain(row[None], number)
    assert why.answer == pytest.approx(log_odds(probabilities(artifact, row[None]), number)[0], abs=1e-12)
    mean = log_odds(probabilities(artifact, background()), number).mean()
    assert why.background_mean == pytest.approx(mean, abs=1e-12)
    assert why.values.sum() == pytest.approx(why.answer - mean, abs=1e-10)


def test_of_a_star_in_several_bands_they_add_up_to_the_log_odds_of_the_fused_probability(artifact):
    views = rows()[-3:]
    merged, *bands = probabilities(artifact, views)
    fused = fuse([merged], [bands], np.zeros(1, bool), temperature=FUSED["temperature"])
    number = int(fused.argmax())
    why = explainer().explain(views, number, fused=True, effort=ONE)
    assert why.answer == pytest.approx(log_odds(fused, number)[0], abs=1e-12)
    assert why.values.sum() == pytest.approx(why.answer - why.background_mean, abs=1e-10)


def test_priors_in_use_are_in_what_is_explained(artifact, star):
    row, number = star
    classes = artifact.manifest.classes
    made_for = dict.fromkeys(classes, 1.0 / len(classes))
    wanted = {classes[number]: 0.5}
    stated = Artifact(replace(artifact.manifest, priors=made_for), artifact._session)
    why = Explainer(stated, background(), priors=wanted).explain(row[None], number, effort=ONE)
    said = with_priors(probabilities(artifact, row[None]), made_for, wanted)
    assert why.answer == pytest.approx(log_odds(said, number)[0], abs=1e-9)
    plain = explainer().explain(row[None], number, effort=ONE)
    # 0.5 instead of 1 / k: the odds are multiplied by k - 1, and nothing else is another
    assert why.answer - plain.answer == pytest.approx(np.log(len(classes) - 1), abs=1e-9)
    assert why.values == pytest.approx(plain.values, abs=1e-9)


def test_errors_are_as_the_module_states(star):
    row, number = star
    assert explainer().explain(row[None], number).errors.max() < 0.1


def test_a_record_names_nearly_what_the_full_effort_would_as_the_module_states(artifact):
    one = explainer()
    right, evidence = [], []
    for row in rows()[100:130]:
        number = int(probabilities(artifact, row[None])[0].argmax())
        full = one.explain(row[None], number).values
        quick = one.explain(row[None], number, effort=OF_A_RECORD).values
        best, named = (set(np.argsort(-values)[:3].tolist()) for values in (full, quick))
        right.append(len(best & named))
        evidence.append(full[list(named)].sum() / full[list(best)].sum())
    assert np.mean(right) == pytest.approx(2.5, abs=0.3)
    assert np.mean(evidence) == pytest.approx(0.98, abs=0.02)


def test_the_same_light_curve_is_explained_in_the_same_words_whatever_came_before(star):
    row, number = star
    one = explainer()
    first = one.explain(row[None], number, effort=ONE).values.tobytes()
    one.explain(rows()[-2][None], 0)
    assert one.explain(row[None], number, effort=ONE).values.tobytes() == first


def test_models_without_fused_answers_and_bands_in_several_views_are_refused():
    alone = Classifier(fusing(fused=None).artifact)
    with pytest.raises(ValueError, match="gives no fused answers"):
        explainer(alone).explain(rows()[:2], 0, fused=True)
    with pytest.raises(ValueError, match="one row"):
        explainer().explain(rows()[:2], 0)


@pytest.fixture
def by_period_and_amplitude(tmp_path):
    """A model of two classes whose log-odds are 3 amplitude - 2 period, whatever else is measured."""
    weights = np.zeros((16, 2))
    weights[FEATURE_NAMES.index("amplitude"), 0] = 3.0
    weights[FEATURE_NAMES.index("period"), 1] = 2.0
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["shares"], axis=1),
        helper.make_node("Cast", ["shares"], ["probabilities"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["features"], ["whole"], to=TensorProto.INT64),
        helper.make_node("ReduceMin", ["whole"], ["out_of_range"], axes=[1], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "made-up",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["n", 16])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("out_of_range", TensorProto.INT64, ["n"]),
        ],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    manifest = Manifest(
        name="made-up",
        version="1",
        sha256="",
        classes=("A", "B"),
        features=FEATURE_NAMES,
        convention="robust",
        min_epochs=10,
    )
    return Artifact(manifest, open_session(tmp_path / "model.onnx"))


def test_of_a_graph_that_looks_at_two_features_the_others_have_none(by_period_and_amplitude):
    rng = np.random.default_rng(0)
    row, others = rng.uniform(0.1, 2.0, 16), rng.uniform(0.1, 2.0, (30, 16))
    why = Explainer(by_period_and_amplitude, others).explain(row[None], 0, effort=Effort(30, 2))
    weights = np.where(np.array(FEATURE_NAMES) == "amplitude", 3.0, 0.0)
    weights[FEATURE_NAMES.index("period")] = -2.0
    expected = weights * (row - others.mean(axis=0))
    assert why.values == pytest.approx(expected, abs=1e-5)  # probabilities have single precision
    assert (why.values[expected == 0.0] == 0.0).all()


def test_features_are_named_by_what_they_speak_for():
    values = np.array([0.5, -2.0, 0.0, 3.0, 0.5, -0.1])
    assert speaking(values, tuple("abcdef")) == (["d", "a", "e"], ["b", "f"])
    assert speaking(np.zeros(6), tuple("abcdef")) == ([], [])
