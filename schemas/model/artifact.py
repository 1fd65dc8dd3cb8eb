"""A model artifact that is loaded and ready to score: the graph of ``model.onnx`` under its manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import MODEL_FILE, Manifest, ManifestError, load_manifest
from schemas.model.onnx_session import open_session


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified model: what it is, and the session that runs it on one thread."""

    manifest: Manifest
    _session: Any

    @classmethod
    def load(cls, folder: Path) -> Artifact:
        """Load the model in `folder`, verified against its manifest.

        Raises
        ------
        ManifestError
            If the manifest is wrong (see `load_manifest`), the graph cannot be loaded, or its inputs,
            outputs or class names are not those of the manifest.
        """
        manifest = load_manifest(folder)
        try:
            session = open_session(folder / MODEL_FILE)
        except Exception as exc:
            raise ManifestError(f"cannot load {folder / MODEL_FILE}: {exc}") from exc
        _agree(folder, manifest, session)
        return cls(manifest, session)

    def score(
        self, features: NDArray[np.float64], scorable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Class probabilities of the rows that can be scored.

        Parameters
        ----------
        features : (n, 16) float64
            Raw features in the manifest's order and convention.
        scorable : (n,) bool
            Rows to score, all finite: see `features.scorable`.

        Returns
        -------
        probabilities : (n, k) float32
            A scored row sums to one, columns are the manifest's classes; NaN elsewhere.
        out_of_range : (n,) int64
            Bit j is set where feature j lay outside the training range and was clipped to it.
        """
        probabilities = np.full((len(features), len(self.manifest.classes)), np.nan, np.float32)
        out_of_range = np.zeros(len(features), np.int64)
        if scorable.any():
            rows = np.ascontiguousarray(features[scorable])
            outputs = self._session.run(["probabilities", "out_of_range"], {"features": rows})
            probabilities[scorable], out_of_range[scorable] = outputs
        return probabilities, out_of_range


def _agree(folder: Path, manifest: Manifest, session: Any) -> None:
    inputs = {i.name: (i.shape[1:], i.type) for i in session.get_inputs()}
    outputs = {o.name: (o.shape[1:], o.type) for o in session.get_outputs()}
    expected_inputs = {"features": ([len(manifest.features)], "tensor(double)")}
    expected_outputs = {
        "probabilities": ([len(manifest.classes)], "tensor(float)"),
        "out_of_range": ([], "tensor(int64)"),
    }
    if inputs != expected_inputs or outputs != expected_outputs:
        raise ManifestError(
            f"the graph in {folder} takes {inputs} and gives {outputs}; "
            f"its manifest asks for {expected_inputs} and {expected_outputs}"
        )
    metadata = session.get_modelmeta().custom_metadata_map
    for name in ("classes", "features", "convention", "version"):
        stated = getattr(manifest, name)
        beside = json.dumps(list(stated)) if isinstance(stated, tuple) else stated
        inside = metadata.get(name)
        if inside != beside:
            raise ManifestError(
                f"the graph in {folder} has {name} {inside}, its manifest {beside}: export the model again"
            )
