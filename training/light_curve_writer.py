"""How light curves are written, for `training.light_curves` to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.errors import SettingsError
from training.light_curves import LabelledCurves


def write_light_curves(path: Path, survey: LabelledCurves) -> None:
    """Write the layout that `training.light_curves.read_light_curves` reads, magnitudes in single precision.

    Raises
    ------
    SettingsError
        If the file cannot be written.
    """
    curves = survey.curves
    arrays: dict[str, Any] = {
        "time": curves.time,
        "mag": curves.mag.astype(np.float32),
        "err": curves.err.astype(np.float32),
        "offsets": curves.offsets,
        **survey.columns,
    }
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except OSError as exc:
        raise SettingsError(f"cannot write the light curves to {path}: {exc}") from exc
