"""The shipped models, and the finding of any model by its folder or by the name of a shipped one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from schemas.model.manifest import MANIFEST_FILE, ManifestError

DEFAULT_MODELS: Mapping[str, str] = {"ztf": "varstream-ztf", "lsst": "varstream-lsst"}
"""The shipped model that judges a survey's alerts unless another is named."""

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "broker" / "models", ROOT / "deploy" / "models")
"""Where the shipped models lie: in the installed package, or in a checkout."""

NAME = re.compile(r"(?P<name>[^/\s]+)(?:[/ ]+(?P<version>[^/\s]+))?/?")


def find_model(named: str | Path) -> Path:
    """Return the folder of a model that is named by it, or by the name of a shipped model.

    ``varstream-ztf`` is its latest version, ``varstream-ztf/1.0.0`` or ``varstream-ztf 1.0.0`` a certain one.
    A folder that holds a model goes before a shipped one of its name.

    Raises
    ------
    ManifestError
        If there is neither such a folder nor such a model; the message lists those that are shipped.
    """
    folder = Path(named)
    if os.path.isfile(folder / MANIFEST_FILE):  # noqa: PTH113 - false for what can be no path, too
        return folder
    shipped = shipped_models()
    asked = NAME.fullmatch(str(named))
    versions = shipped.get(asked["name"], {}) if asked else {}
    if asked and versions:
        version = asked["version"] or max(versions, key=_in_order)
        if version in versions:
            return versions[version]
        raise ManifestError(
            f"no version {version!r} of {asked['name']} is shipped, there is {', '.join(versions)}"
        )
    if os.path.exists(folder):  # noqa: PTH110 - as above
        return folder  # whose reading says what it lacks
    known = ", ".join(shipped) or f"missing, not in {' nor in '.join(map(str, FOLDERS))}"
    raise ManifestError(f"no model {str(named)!r}: no such folder, and the shipped models are {known}")


def shipped_models() -> dict[str, dict[str, Path]]:
    """Folders of the shipped models by name and version, in order of both."""
    manifests = next(filter(None, (sorted(folder.glob(f"*/*/{MANIFEST_FILE}")) for folder in FOLDERS)), [])
    found: dict[str, dict[str, Path]] = {}
    for path in sorted((manifest.parent for manifest in manifests), key=lambda path: _in_order(path.name)):
        found.setdefault(path.parent.name, {})[path.name] = path
    return dict(sorted(found.items()))


def _in_order(version: str) -> list[int]:
    """Order of versions by number: 1.10.0 comes after 1.9.0."""
    return [int(part) if part.isdecimal() else -1 for part in version.split(".")]
