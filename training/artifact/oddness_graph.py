"""The oddness of a model as nodes of its graph: `training.novelty.oddness.Oddness` in double precision."""

from __future__ import annotations

import numpy as np

from training.artifact.graph import Graph
from training.novelty.oddness import LEAST_PROBABILITY, Oddness


def add_oddness(graph: Graph, oddness: Oddness, scores: str, probabilities: str) -> None:
    """Give ``oddness`` of standard scores (n, 16), and of probabilities (n, k) of which the last is `OTHER`.

    The mixture is one matrix product, a sum of squares for each component, and the logarithm of a sum of
    exponentials. Its whitening matrices are stored in single precision.
    """
    arrays = oddness.to_arrays()
    components, width, _ = arrays["mixture.whitening"].shape
    whitening = graph.double("mixture.whitening", arrays["mixture.whitening"])
    flat = graph.constant("flat", np.array([components * width, width], np.int64))
    matrix = graph.node("Reshape", [whitening, flat], "whitening")
    shift = graph.double("mixture.shift", arrays["mixture.shift"])
    flat = graph.constant("flat_shift", np.array([components * width], np.int64))
    offset = graph.node("Neg", [graph.node("Reshape", [shift, flat], "whitened_means")], "offset")
    white = graph.node("Gemm", [scores, matrix, offset], "whitened", transB=1)
    shape = graph.constant("by_component", np.array([-1, components, width], np.int64))
    squares = graph.node(
        "ReduceSumSquare",
        [graph.node("Reshape", [white, shape], "whitened_by_component")],
        "squares",
        axes=[2],
        keepdims=0,
    )
    halved = graph.node("Mul", [squares, graph.constant("minus_half", np.float64(-0.5))], "halved_squares")
    log_weight = graph.constant("mixture.log_weight", arrays["mixture.log_weight"])
    exponent = graph.node("Add", [halved, log_weight], "log_densities")
    density = graph.node("ReduceLogSumExp", [exponent], "log_density", axes=[1], keepdims=0)
    result = "oddness" if oddness.other is None else "oddness_of_scores"
    odd = _centred(graph, graph.node("Neg", [density], "surprise"), "surprise", arrays, result)
    if oddness.other is None:
        return
    last = graph.constant("last", np.int64(-1))
    p = graph.node("Gather", [probabilities, last], "probability_of_other", axis=1)
    least = graph.constant("least", np.float64(LEAST_PROBABILITY))
    one = graph.constant("one", np.float64(1.0))
    most = graph.constant("most", np.float64(1.0 - LEAST_PROBABILITY))
    p = graph.node("Min", [graph.node("Max", [p, least], "raised_other"), most], "clipped_other")
    against = graph.node("Sub", [one, p], "probability_of_a_class")
    log_odds = graph.node(
        "Sub",
        [graph.node("Log", [p], "log_other"), graph.node("Log", [against], "log_class")],
        "log_odds_of_other",
    )
    of_other = _centred(graph, log_odds, "other", arrays, "oddness_of_other")
    graph.node("Add", [odd, of_other], "oddness")


def _centred(graph: Graph, values: str, name: str, arrays: dict[str, np.ndarray], result: str) -> str:
    """`Centre` as nodes."""
    median = graph.constant(f"{name}.median", arrays[f"{name}.median"])
    scale = graph.constant(f"{name}.scale", arrays[f"{name}.scale"])
    return graph.node("Div", [graph.node("Sub", [values, median], f"{name}_above"), scale], result)
