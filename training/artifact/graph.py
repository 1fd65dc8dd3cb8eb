"""The graph in the making: nodes and constants of ONNX by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper


class Graph:
    """Nodes and constants in the making; every method returns the name of what it added."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def constant(self, name: str, value: ArrayLike) -> str:
        """Add a constant."""
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add what an operator makes of its inputs."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def double(self, name: str, value: NDArray[Any]) -> str:
        """Add a weight, stored in single precision and used in double."""
        self.constant(name, value.astype(np.float32))
        return self.node("Cast", [name], f"{name}.double", to=TensorProto.DOUBLE)
