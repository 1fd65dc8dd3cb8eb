"""A model artifact that is loaded and ready to score: the graph of ``model.onnx`` under its manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import MODEL_FILE, Manifest, ManifestError, load_manifest
from schemas.model.onnx_session import open_session

OUTPUTS = ("probabilities", "out_of_range", "oddness")


class RawScores(NamedTuple):
    """What a graph says of n rows of features, by its `OUTPUTS`.

    Attributes
    ----------
    probabilities : (n, k) float32
        A scored row sums to one, columns are the manifest's classes; NaN elsewhere.
    out_of_range : (n,) int64
        Bit j is set where feature j lay outside the training range and was clipped to it.
    oddness : (n,) float64
        How unlike the stars of the training it is, for `schemas.model.novelty`; NaN where it was not scored,
        and where the model says nothing of novelty.
    """

    probabilities: NDArray[np.float32]
    out_of_range: NDArray[np.int64]
    oddness: NDArray[np.float64]


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

    def score(self, features: NDArray[np.float64], scorable: NDArray[np.bool_]) -> RawScores:
        """Return what the graph says of the rows that can be scored.

        Parameters
        ----------
        features : (n, 16) float64
            Raw features in the manifest's order and convention.
        scorable : (n,) bool
            Rows to score, all finite: see `features.scorable`.
        """
        n, k = len(features), len(self.manifest.classes)
        probabilities = np.full((n, k), np.nan, np.float32)
        said = RawScores(probabilities, np.zeros(n, np.int64), np.full(n, np.nan))
        if scorable.any():
            names = OUTPUTS if self.manifest.novelty is not None else OUTPUTS[:2]
            rows = np.ascontiguousarray(features[scorable])
            for name, values in zip(names, self._session.run(names, {"features": rows}), strict=True):
                getattr(said, name)[scorable] = values
        return said


def _agree(folder: Path, manifest: Manifest, session: Any) -> None:
    inputs = {i.name: (i.shape[1:], i.type) for i in session.get_inputs()}
    outputs = {o.name: (o.shape[1:], o.type) for o in session.get_outputs()}
    expected_inputs = {"features": ([len(manifest.features)], "tensor(double)")}
    expected_outputs = {
        "probabilities": ([len(manifest.classes)], "tensor(float)"),
        "out_of_range": ([], "tensor(int64)"),
        **({} if manifest.novelty is None else {"oddness": ([], "tensor(double)")}),
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
