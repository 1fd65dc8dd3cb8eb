"""The network of Fig. 2: four times BatchNorm and a fully connected layer, and a last BatchNorm."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

N_FEATURES = 16
WIDTHS = (64, 128, 256)
"""The best of the 13 architectures in Table 3."""


class Network(nn.Module):
    """16 standard scores to one number (logit) a class.

    ``bn1-fc1-relu-bn2-fc2-relu-bn3-fc3-relu-bn4-fc4-bn5``; 48,799 parameters with 21 classes. The names
    of the layers are those of the published weights.

    Parameters
    ----------
    n_classes : int
        Outputs.
    dropout : float
        Chance of a unit to be left out in training, before fc2 to fc4. The paper has none.
    input_eps : float
        `eps` of the first BatchNorm. The published weights were trained with 64, in the place of a
        width; ours use the ordinary value.
    """

    def __init__(self, n_classes: int, *, dropout: float = 0.0, input_eps: float = 1e-5) -> None:
        super().__init__()
        a, b, c = WIDTHS
        self.bn1 = nn.BatchNorm1d(N_FEATURES, eps=input_eps)
        self.fc1 = nn.Linear(N_FEATURES, a)
        self.bn2 = nn.BatchNorm1d(a)
        self.fc2 = nn.Linear(a, b)
        self.bn3 = nn.BatchNorm1d(b)
        self.fc3 = nn.Linear(b, c)
        self.bn4 = nn.BatchNorm1d(c)
        self.fc4 = nn.Linear(c, n_classes)
        self.bn5 = nn.BatchNorm1d(n_classes)
        self.dropout = nn.Dropout(dropout)

    def hidden(self, scores: Tensor) -> Tensor:
        """Return what the last fully connected layer sees (n, 256) of standard scores (n, 16)."""
        x = torch.relu(self.fc1(self.bn1(scores)))
        x = torch.relu(self.fc2(self.dropout(self.bn2(x))))
        x = torch.relu(self.fc3(self.dropout(self.bn3(x))))
        normalised: Tensor = self.bn4(x)
        return normalised

    def forward(self, scores: Tensor) -> Tensor:
        """Return logits (n, k) of standard scores (n, 16)."""
        logits: Tensor = self.bn5(self.fc4(self.dropout(self.hidden(scores))))
        return logits

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter and running statistic by its name, as `export` stores them."""
        return {
            name: value.detach().cpu().numpy().astype(np.float32)
            for name, value in self.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }

    @classmethod
    def from_weights(
        cls, weights: Mapping[str, NDArray[np.float32]], *, dropout: float = 0.0, input_eps: float = 1e-5
    ) -> Network:
        """Return a network with the given weights, in evaluation mode; the inverse of `weights`."""
        network = cls(len(weights["fc4.bias"]), dropout=dropout, input_eps=input_eps)
        state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        missing, unexpected = network.load_state_dict(state, strict=False)
        absent = [name for name in missing if not name.endswith("num_batches_tracked")]
        if absent or unexpected:
            raise ValueError(f"weights lack {absent} and have unknown {unexpected}")
        return network.eval()


def predict(network: Network, scores: NDArray[np.float64], *, batch: int = 8192) -> NDArray[np.float64]:
    """Logits (n, k) of standard scores (n, 16), in evaluation mode and without gradients."""
    network.eval()
    dtype = network.fc1.weight.dtype
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(scores[i : i + batch]).to(dtype)).numpy()
            for i in range(0, len(scores), batch)
        ]
    return np.concatenate(parts).astype(np.float64)
