import numpy as np
import pytest
import torch
from rich.progress import Progress

from training.export import Model
from training.fit import OneCycle
from training.network import Network, predict
from training.preprocess import fit_preprocessing
from training.transfer import Mode, transfer_network

QUIET = Progress(disable=True)


@pytest.fixture(scope="module")
def pretrained() -> Model:
    torch.manual_seed(0)
    rows = np.random.default_rng(0).lognormal(size=(100, 16))
    return Model(Network(5).eval().weights(), 1e-5, fit_preprocessing(rows))


@pytest.fixture(scope="module")
def target() -> tuple[np.ndarray, np.ndarray]:
    """Three classes far apart."""
    rng = np.random.default_rng(1)
    label = rng.integers(0, 3, 300)
    scores = rng.normal(size=(300, 16))
    scores[:, :3] += 5.0 * (label[:, None] == np.arange(3))
    return scores, label[:, None] == np.arange(3)


def fit(pretrained: Model, target: tuple[np.ndarray, np.ndarray], mode: Mode) -> Network:
    scores, allowed = target
    settings = OneCycle(training_epochs=3, peak_rate=1e-3)
    weights = np.ones(len(scores))
    return transfer_network(
        pretrained, scores, allowed, weights, mode=mode, settings=settings, seed=0, progress=QUIET
    )


def test_last_layer_leaves_every_other_weight_as_it_was_to_the_bit(pretrained, target):
    after = fit(pretrained, target, Mode.LAST_LAYER).weights()
    kept = [name for name in pretrained.weights if not name.startswith(("fc4", "bn5"))]
    assert len(kept) == 22
    assert all(after[name].tobytes() == pretrained.weights[name].tobytes() for name in kept)


def test_last_layer_head_is_a_stationary_point_of_the_penalised_logistic_regression(pretrained, target):
    scores, allowed = target
    network = fit(pretrained, target, Mode.LAST_LAYER)
    hidden = network.hidden(torch.from_numpy(scores).float()).detach().numpy().astype(np.float64)
    weight = network.fc4.weight.detach().numpy().astype(np.float64)
    logits = hidden @ weight.T + network.fc4.bias.detach().numpy()
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    # gradient of mean cross entropy + |W|^2 / (2 C n), C = 0.03, as scikit-learn scales it
    gradient = (p - allowed).T @ hidden / len(hidden) + weight / (0.03 * len(hidden))
    assert np.abs(gradient).max() < 1e-3


def test_every_layer_moves_all_layers_but_no_running_statistic(pretrained, target):
    after = fit(pretrained, target, Mode.EVERY_LAYER).weights()
    for name in ("bn1.weight", "fc1.weight", "fc2.weight", "fc3.weight"):
        assert (after[name] != pretrained.weights[name]).any(), name
    for name in (name for name in pretrained.weights if "running" in name and not name.startswith("bn5")):
        assert (after[name] == pretrained.weights[name]).all(), name


@pytest.mark.parametrize("mode", Mode)
def test_classes_far_apart_are_told_apart(pretrained, target, mode):
    scores, allowed = target
    network = fit(pretrained, target, mode)
    assert (predict(network, scores).argmax(1) == allowed.argmax(1)).mean() > 0.97
