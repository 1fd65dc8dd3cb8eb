"""The manifest of a model artifact: everything that must be known to serve it, and how it was made."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from operator import itemgetter
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest_fields import what_is_wrong
from schemas.model.verdict import OTHER
from schemas.read_json import read_json

MANIFEST_VERSION = "1"
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"

_LATER_FIELDS = ("fused", "abstain_below_by_class", "priors", "novelty", "taxonomy")


class ManifestError(ValueError):
    """A model folder that is missing, damaged, or not made for this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Contents of ``manifest.json``.

    Attributes
    ----------
    name, version : str
        The model's own name and version, published with every score.
    sha256 : str
        Hash of ``model.onnx`` in hexadecimal.
    classes, features : tuple of str
        Order of the model's outputs and inputs. The last class is `schemas.model.verdict.OTHER` where the
        model gives a probability to what is in none of the others.
    convention : str
        Feature convention the model was trained with; serving with another is refused.
    clip_sigma : float or None
        Outlier cut applied before the features, see `features.extract`.
    min_epochs : int
        Fewest epochs in a band at which the model is meant to be used.
    label_maps : mapping of str to mapping of str to str
        Per survey file name (without suffix), the map from its native labels to `classes`.
        Labels that are absent have no class here.
    preprocessing : mapping
        Constants of the shift, logarithm, standardisation and clip inside the graph.
    training : mapping
        Data with their hashes and references, protocol, seeds, command; the hashes of what lies beside the
        graph: ``folds_sha256`` and ``background_sha256`` (`schemas.explanation.background`), where it does.
    metrics : mapping
        What was measured, on what, with standard errors.
    reliability : tuple of mapping
        What to expect of the most probable class by number of epochs, measured on test stars; empty where
        nothing is stated. Bins ascend without gaps, each with ``n_epochs_min``, ``n_epochs_max`` (inclusive;
        None in the last, which has no upper end), ``n_stars``, ``n_light_curves``, ``accuracy`` and ``mc``
        with ``accuracy_error`` and ``mc_error``, ``calibration_error`` (of light curves whose label names one
        class), ``abstained`` (share of the light curves that have no label, novel ones too) and
        ``accuracy_when_sure`` (of the others; None where there are none).
    abstain_below : float
        The model gives no label where its highest probability is below this; 0 gives one always.
    abstain_below_by_class : mapping of str to float
        The same for the classes of which it differs.
    priors : mapping of str to float
        How frequent each of the `classes` is among what the model's probabilities are right for; empty where
        it does not say so, and no other priors can be set (`schemas.model.priors`).
    novelty : mapping or None
        What `schemas.model.novelty` needs: ``limit``, below which a light curve is novel, ``shares`` and
        ``bins``; None where the model says nothing of novelty.
    taxonomy : mapping or None
        Which names of catalogues and brokers its classes go by: ``version`` and ``sha256`` of
        `schemas.model.taxonomy`; None for classes of its own.
    licence : str
        Licence of the weights, and what the data's owners ask for.
    fused : mapping or None
        What is stated of fused answers, of all bands of a star together (`schemas.model.fusion`); None where
        nothing was measured of them, and none are given. ``min_epochs``, over all bands, ``temperature``,
        ``abstain_below`` and ``reliability``, and where stated ``abstain_below_by_class``, ``priors`` and
        ``novelty``, are meant as those of a band above; epochs are those of all bands. A star of a single
        usable band is answered by the band's terms.
    """

    name: str
    version: str
    sha256: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    convention: str
    min_epochs: int
    clip_sigma: float | None = None
    label_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reliability: tuple[Mapping[str, Any], ...] = ()
    abstain_below: float = 0.0
    licence: str = ""
    fused: Mapping[str, Any] | None = None
    abstain_below_by_class: Mapping[str, float] = field(default_factory=dict)
    priors: Mapping[str, float] = field(default_factory=dict)
    novelty: Mapping[str, Any] | None = None
    taxonomy: Mapping[str, str] | None = None
    manifest_version: str = MANIFEST_VERSION

    @property
    def survey(self) -> str | None:
        """The survey whose stream the model was made for; None where it is for complete light curves of any.

        It is the one that training showed its stars as: ``observed_as`` of `training`'s data.
        """
        data = self.training.get("data")
        files = [file for file in data if isinstance(file, dict)] if isinstance(data, list) else []
        streams = {stream for file in files if isinstance(stream := file.get("observed_as"), str)}
        return streams.pop() if len(streams) == 1 else None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that can be a label."""
        return tuple(name for name in self.classes if name != OTHER)

    def label_limits(self, *, fused: bool = False) -> NDArray[np.float64]:
        """Return the probability from which each class (k,) is given as a label, infinite for `OTHER`."""
        default, of_class = self.abstain_below, self.abstain_below_by_class
        if fused and self.fused is not None:
            default = self.fused["abstain_below"]
            of_class = self.fused.get("abstain_below_by_class", {})
        return np.array(
            [np.inf if name == OTHER else of_class.get(name, default) for name in self.classes], np.float64
        )

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` into `folder`; what came later only where something is stated of it."""
        stated = asdict(self)
        for name in _LATER_FIELDS:  # so that a model of before them, written again, keeps its bytes
            if not stated[name]:
                del stated[name]
        text = json.dumps(stated, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def load_manifest(folder: Path) -> Manifest:
    """Read and verify the manifest of the model in `folder`, including the hash of its graph.

    Raises
    ------
    ManifestError
        If a file is missing or unreadable, a field is missing, unknown or impossible, the manifest is of
        another version, or ``model.onnx`` is not the file that the manifest was written for.
    """
    path = folder / MANIFEST_FILE
    try:
        raw = read_json(path)
    except FileNotFoundError:
        raise ManifestError(f"no model in {folder}: {MANIFEST_FILE} is missing") from None
    except (OSError, ValueError) as exc:
        raise ManifestError(f"cannot read {path}: {exc}") from exc
    manifest = _parse(raw, path)
    model = folder / MODEL_FILE
    try:
        digest = sha256_of(model)
    except OSError as exc:
        raise ManifestError(f"cannot read {model}: {exc.strerror or exc}") from exc
    if digest != manifest.sha256:
        raise ManifestError(
            f"{model} has sha256 {digest[:12]}..., its manifest says {manifest.sha256[:12]}...: "
            "the files do not belong together, export or copy the model again"
        )
    return manifest


def expected_reliability(manifest: Manifest, n_epochs: int) -> Mapping[str, Any] | None:
    """Return the bin of `Manifest.reliability` that holds `n_epochs`; None below the first or without any."""
    return bin_of(manifest.reliability, n_epochs)


def bin_of(bins: Sequence[Mapping[str, Any]], n_epochs: int) -> Mapping[str, Any] | None:
    """Return the bin of a reliability that holds `n_epochs`; None below the first or without any."""
    place = bisect_right(bins, n_epochs, key=itemgetter("n_epochs_min")) - 1
    return bins[place] if place >= 0 else None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parse(raw: object, path: Path) -> Manifest:
    if not isinstance(raw, dict):
        raise ManifestError(f"{path} is not a JSON object")
    if raw.get("manifest_version") != MANIFEST_VERSION:
        version = shown(raw.get("manifest_version"))
        raise ManifestError(f"{path} has manifest_version {version}, this is for {MANIFEST_VERSION!r}")
    known = {f.name for f in fields(Manifest)}
    unknown = sorted(set(raw) - known)
    if unknown:
        raise ManifestError(f"{path} has unknown fields {', '.join(name[:40] for name in unknown[:10])}")
    needed = [f.name for f in fields(Manifest) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in raw]
    if missing:
        raise ManifestError(f"{path} is incomplete: it has no {', '.join(missing)}")
    wrong = what_is_wrong(raw)
    if wrong is not None:
        raise ManifestError(f"{path}: {wrong}")
    fused = raw.get("fused")
    tuples = {
        "classes": tuple(raw["classes"]),
        "features": tuple(raw["features"]),
        "reliability": tuple(raw.get("reliability", ())),
        "fused": None if fused is None else {**fused, "reliability": tuple(fused["reliability"])},
    }
    return Manifest(**{**raw, **tuples})
