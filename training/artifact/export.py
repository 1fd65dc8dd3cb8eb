"""The export of a trained network as a model folder: one self-contained ONNX graph and its manifest.

The graph takes raw features and does everything inside, in double precision: preprocessing, network,
temperature, softmax. Weights are stored in single precision (200 KB). In double precision the order in
which a batch's sums are taken stays far below the rounding of the published single-precision
probabilities, so that a score does not depend on what else is in its batch.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from features import FEATURE_NAMES
from schemas.model.artifact import Artifact
from schemas.model.manifest import MANIFEST_FILE, MODEL_FILE, Manifest, sha256_of
from training.artifact.graph import Graph
from training.artifact.oddness_graph import add_oddness
from training.errors import SettingsError, TrainingError
from training.network.networks import BATCH_NORM_EPS
from training.network.preprocess import Preprocessing
from training.network.trained_network import TrainedNetwork
from training.novelty.oddness import Oddness

OPSET = 17
"""Everything the graph needs exists there; onnxruntime reads it from 1.13 on."""

IR_VERSION = 9

PARITY_ROWS = 1000
TOLERANCES = (1e-5, 1e-3)
"""Largest differences between torch and onnxruntime, of a probability and of an oddness."""

LAYERS = ("1", "2", "3", "4")


def check_folder(folder: Path) -> None:
    """Refuse, before the work, a model folder that could not be written after it.

    Raises
    ------
    SettingsError
        If it is a file, is in one, or is not ours to write.
    """
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with TemporaryFile(dir=existing):
            return
    except OSError as exc:
        raise SettingsError(
            f"cannot write a model to {folder}: {existing} is no folder that we may write in "
            f"({exc.strerror or exc})"
        ) from exc


def write_model(folder: Path, model: TrainedNetwork, manifest: Manifest) -> Manifest:
    """Write ``model.onnx`` and ``manifest.json`` and check that they give what the network gives.

    Parameters
    ----------
    folder : Path
        Made where it does not exist. Of a model that is already there, these two files are replaced.
    model : TrainedNetwork
        The graph's contents.
    manifest : Manifest
        Everything but the hash and the preprocessing constants, which are filled in.

    Returns
    -------
    Manifest
        As written.

    Raises
    ------
    TrainingError
        If the folder cannot be written, or onnxruntime differs from torch by more than `TOLERANCES` on 1,000
        rows.
    """
    graph = build_graph(model, manifest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST_FILE).unlink(missing_ok=True)  # never an old manifest beside a new graph
        (folder / MODEL_FILE).write_bytes(graph.SerializeToString(deterministic=True))
        written = replace(
            manifest, sha256=sha256_of(folder / MODEL_FILE), preprocessing=model.preprocessing.to_manifest()
        )
        written.save(folder)
    except OSError as exc:
        raise TrainingError(f"cannot write the model to {folder}: {exc.strerror or exc}") from exc
    for what, difference, tolerance in zip(
        ("a probability", "an oddness"), parity(folder, model), TOLERANCES, strict=True
    ):
        if not difference <= tolerance:
            (folder / MANIFEST_FILE).unlink()
            raise TrainingError(
                f"{folder / MODEL_FILE} differs from the network by {difference:.1e} in {what} "
                f"(at most {tolerance:.0e}): the model was not released"
            )
    return written


def parity(folder: Path, model: TrainedNetwork, *, seed: int = 0) -> tuple[float, float]:
    """Largest difference of any probability, and of any oddness relative to one of 1 or more.

    Torch and NumPy against onnxruntime, on 1,000 random rows.
    """
    scores = 1.5 * np.random.default_rng(seed).standard_normal((PARITY_ROWS, len(FEATURE_NAMES)))
    low, high = np.maximum(model.preprocessing.low, -8.0), np.minimum(model.preprocessing.high, 8.0)
    values = model.preprocessing.inverse(np.clip(scores, low, high))
    served = Artifact.load(folder).score(values, np.ones(PARITY_ROWS, bool))
    expected, odd = model.probabilities(values), model.odd(values)
    difference = float(np.abs(served.probabilities - expected).max())
    if odd is None or not np.isfinite(served.oddness).all():
        return difference, 0.0 if Artifact.load(folder).manifest.novelty is None else np.inf
    return difference, float((np.abs(served.oddness - odd) / np.maximum(np.abs(odd), 1.0)).max())


def read_model(folder: Path) -> tuple[TrainedNetwork, Manifest]:
    """Read back what `write_model` wrote, for transfer or inspection.

    Raises
    ------
    schemas.model.manifest.ManifestError
        If the folder does not hold a valid model.
    TrainingError
        If its graph was not written by this module.
    """
    manifest = Artifact.load(folder).manifest
    graph = onnx.load(folder / MODEL_FILE).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    eps = [
        attribute.f
        for node in graph.node
        if node.op_type == "BatchNormalization" and node.output[0] == "bn1"
        for attribute in node.attribute
        if attribute.name == "epsilon"
    ]
    names = [name for name in tensors if name.startswith(("bn", "fc"))]
    if not eps or "temperature" not in tensors or not names:
        raise TrainingError(
            f"{folder / MODEL_FILE} is not a graph written by varstream-train: it cannot be transferred"
        )
    model = TrainedNetwork(
        weights={name: np.array(tensors[name], dtype=np.float32) for name in names},
        input_eps=float(eps[0]),
        preprocessing=Preprocessing.from_manifest(manifest.preprocessing),
        temperature=float(tensors["temperature"]),
        oddness=Oddness.from_arrays(tensors),
    )
    return model, manifest


def build_graph(model: TrainedNetwork, manifest: Manifest) -> onnx.ModelProto:
    """Return the ONNX graph from raw features to ``probabilities``, ``out_of_range`` and ``oddness``."""
    graph = Graph()
    scores = _add_preprocessing(graph, model.preprocessing)
    _add_network(graph, model, scores)
    says_oddness = model.oddness is not None and manifest.novelty is not None
    if model.oddness is not None and says_oddness:
        add_oddness(graph, model.oddness, scores, "softmax")
    rows, columns, classes = "n", len(FEATURE_NAMES), len(manifest.classes)
    oddness = helper.make_tensor_value_info("oddness", TensorProto.DOUBLE, [rows])
    proto = helper.make_graph(
        graph.nodes,
        manifest.name,
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [rows, columns])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [rows, classes]),
            helper.make_tensor_value_info("out_of_range", TensorProto.INT64, [rows]),
            *([oddness] if says_oddness else []),
        ],
        graph.initializers,
    )
    opset = [helper.make_opsetid("", OPSET)]
    onnx_model = helper.make_model(
        proto, opset_imports=opset, ir_version=IR_VERSION, producer_name="varstream"
    )
    helper.set_model_props(
        onnx_model,
        {
            "name": manifest.name,
            "version": manifest.version,
            "classes": json.dumps(list(manifest.classes)),
            "features": json.dumps(list(manifest.features)),
            "convention": manifest.convention,
            "clip_sigma": json.dumps(manifest.clip_sigma),
            "min_epochs": str(manifest.min_epochs),
        },
    )
    onnx.checker.check_model(onnx_model, full_check=True)
    return onnx_model


def _add_preprocessing(graph: Graph, constants: Preprocessing) -> str:
    """`Preprocessing.transform` as nodes: gives ``out_of_range`` and returns the name of the scores."""
    bits = np.left_shift(np.int64(1), np.arange(len(FEATURE_NAMES), dtype=np.int64))
    logged = graph.constant("logged", constants.logged)
    floor = graph.constant("floor", constants.floor)
    low, high = graph.constant("low", constants.low), graph.constant("high", constants.high)
    argument = graph.node("Sub", ["features", graph.constant("shift", constants.shift)], "argument")
    below = graph.node("And", [logged, graph.node("Less", [argument, floor], "under")], "below_floor")
    natural = graph.node("Log", [graph.node("Max", [argument, floor], "floored")], "natural_log")
    log10 = graph.node("Div", [natural, graph.constant("ln10", np.log(10.0))], "log10")
    chosen = graph.node("Where", [logged, log10, "features"], "transformed")
    centred = graph.node("Sub", [chosen, graph.constant("center", constants.center)], "centred")
    scores = graph.node("Div", [centred, graph.constant("scale", constants.scale)], "scores")
    outside = graph.node(
        "Or",
        [graph.node("Less", [scores, low], "too_low"), graph.node("Greater", [scores, high], "too_high")],
        "outside",
    )
    clipped = graph.node("Or", [below, outside], "clipped")
    integers = graph.node("Cast", [clipped], "clipped_bits", to=TensorProto.INT64)
    weighted = graph.node("Mul", [integers, graph.constant("bits", bits)], "weighted_bits")
    axis = graph.constant("axis", np.array([1], np.int64))
    graph.node("ReduceSum", [weighted, axis], "out_of_range", keepdims=0)
    return graph.node("Min", [graph.node("Max", [scores, low], "raised"), high], "clipped_scores")


def _add_network(graph: Graph, model: TrainedNetwork, x: str) -> None:
    """`Networks.logits`, the temperature and the softmax as nodes: gives ``probabilities``."""

    def batch_norm(x: str, layer: str, eps: float) -> str:
        parts = ("weight", "bias", "running_mean", "running_var")
        parameters = [graph.double(f"{layer}.{part}", model.weights[f"{layer}.{part}"]) for part in parts]
        return graph.node("BatchNormalization", [x, *parameters], layer, epsilon=eps)

    def fully_connected(x: str, layer: str) -> str:
        parameters = [
            graph.double(f"{layer}.{part}", model.weights[f"{layer}.{part}"]) for part in ("weight", "bias")
        ]
        return graph.node("Gemm", [x, *parameters], layer, transB=1)

    for layer in LAYERS:
        if layer != LAYERS[0]:
            x = graph.node("Relu", [x], f"relu{layer}")
        x = batch_norm(x, f"bn{layer}", model.input_eps if layer == LAYERS[0] else BATCH_NORM_EPS)
        x = fully_connected(x, f"fc{layer}")
    x = batch_norm(x, "bn5", BATCH_NORM_EPS)
    x = graph.node("Div", [x, graph.constant("temperature", np.float64(model.temperature))], "calibrated")
    x = graph.node("Softmax", [x], "softmax", axis=1)
    graph.node("Cast", [x], "probabilities", to=TensorProto.FLOAT)
