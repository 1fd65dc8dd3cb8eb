"""The manifest of a model artifact: everything that must be known to serve it, and how it was made."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from operator import itemgetter
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from schemas.read_json import read_json

MANIFEST_VERSION = "1"
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
LARGEST_NUMBER = 2**53  # of epochs, stars or sigmas


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
        Order of the model's outputs and inputs.
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
        Data with their hashes and references, protocol, seeds, command.
    metrics : mapping
        What was measured, on what, with standard errors.
    reliability : tuple of mapping
        What to expect of the most probable class by number of epochs, measured on test stars; empty where
        nothing is stated. Bins ascend without gaps, each with ``n_epochs_min``, ``n_epochs_max`` (inclusive;
        None in the last, which has no upper end), ``n_stars``, ``n_light_curves``, ``accuracy`` and ``mc``
        with ``accuracy_error`` and ``mc_error``, ``calibration_error`` (of light curves whose label names one
        class), ``abstained`` (share of the light curves) and ``accuracy_when_sure`` (of the others; None
        where there are none).
    abstain_below : float
        The model gives no label where its highest probability is below this; 0 gives one always.
    licence : str
        Licence of the weights, and what the data's owners ask for.
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

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` into `folder`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)
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
    place = bisect_right(manifest.reliability, n_epochs, key=itemgetter("n_epochs_min")) - 1
    return manifest.reliability[place] if place >= 0 else None


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
    wrong = [name for name, right in _FIELD_CHECKS.items() if name in raw and not right(raw[name])]
    if wrong:
        raise ManifestError(f"{path}: {wrong[0]} cannot be {shown(raw[wrong[0]])}")
    _check_bins(raw.get("reliability", []), path)
    try:
        tuples = {
            "classes": tuple(raw["classes"]),
            "features": tuple(raw["features"]),
            "reliability": tuple(raw.get("reliability", ())),
        }
        return Manifest(**{**raw, **tuples})
    except (KeyError, TypeError) as exc:
        raise ManifestError(f"{path} is incomplete: {exc}") from exc


def _check_bins(bins: Sequence[object], path: Path) -> None:
    """Refuse bins of reliability that say something impossible, or nothing about some number of epochs."""
    previous: Mapping[str, Any] | None = None
    for place, each in enumerate(bins):
        what = f"{path}: reliability[{place}]"
        if not isinstance(each, dict):
            raise ManifestError(f"{what} is not a JSON object")
        if each.keys() != _BIN_CHECKS.keys():
            missing, unknown = (
                ", ".join(name[:40] for name in sorted(names)[:10]) or "none"
                for names in (_BIN_CHECKS.keys() - each.keys(), each.keys() - _BIN_CHECKS.keys())
            )
            raise ManifestError(f"{what} has other fields than it must: missing {missing}; unknown {unknown}")
        wrong = [name for name, right in _BIN_CHECKS.items() if not right(each[name])]
        if wrong:
            raise ManifestError(f"{what}: {wrong[0]} cannot be {shown(each[wrong[0]])}")
        low, high, is_last = each["n_epochs_min"], each["n_epochs_max"], place == len(bins) - 1
        if (high is None) != is_last:
            raise ManifestError(
                f"{what}: n_epochs_max is {high}; it must be null in the last bin and in no other"
            )
        if high is not None and high < low:
            raise ManifestError(f"{what} goes from {low} to {high} epochs: n_epochs_max is too small")
        if previous is not None and low != previous["n_epochs_max"] + 1:
            raise ManifestError(
                f"{what} starts at {low} epochs, the bin before ends at {previous['n_epochs_max']}: "
                "bins must ascend without gaps"
            )
        previous = each


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value) > 0


def _is_number(value: object, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds and 0 < value <= LARGEST_NUMBER  # type: ignore[operator]


def _is_finite_object(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return isinstance(value, dict)


def _is_label_maps(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(labels, dict) and all(map(_is_text, labels.values())) for labels in value.values()
    )


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0.0 <= value <= 1.0  # type: ignore[operator]


_FIELD_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "name": _is_text,
    "version": _is_text,
    "sha256": _is_text,
    "convention": _is_text,
    "classes": _is_names,
    "features": _is_names,
    "min_epochs": lambda value: _is_number(value, (int,)),
    "clip_sigma": lambda value: value is None or _is_number(value, (int, float)),
    "label_maps": _is_label_maps,
    "preprocessing": _is_finite_object,
    "training": _is_finite_object,
    "metrics": _is_finite_object,
    "licence": lambda value: isinstance(value, str),
    "reliability": lambda value: isinstance(value, list),
    "abstain_below": lambda value: _is_share(value) and value != 1,
}

_BIN_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "n_epochs_min": lambda value: _is_number(value, (int,)),
    "n_epochs_max": lambda value: value is None or _is_number(value, (int,)),
    "n_stars": lambda value: _is_number(value, (int,)),
    "n_light_curves": lambda value: _is_number(value, (int,)),
    "accuracy": _is_share,
    "accuracy_error": _is_share,
    "mc": _is_share,
    "mc_error": _is_share,
    "calibration_error": _is_share,
    "abstained": _is_share,
    "accuracy_when_sure": lambda value: value is None or _is_share(value),
}
