"""Active galaxies of a deep field, seen in few nights: where shipped models are sure and wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.model.shipped import shipped_models
from training.data.filters import UGRIZY
from training.data.join_bands import join_bands
from training.data.read import read_light_curves
from training.errors import SettingsError
from training.measure.answers import Answers
from training.measure.asked import ask
from training.measure.evaluate import load_artifact
from training.report.html import Section, Table
from training.surveys.classes import QUASAR

FILES = tuple(f"lsst_ddf_cosmos_{band}" for band in UGRIZY)
ACTIVE = ("QSO", "AGN", "AG?", "Sy1")
"""Native labels of active galaxies."""

SURE = 0.9


def deep_field(folder: Path, *, workers: int) -> Section:
    """Count how often each shipped model is sure and wrong, of each band and of all together."""
    paths = [path for name in FILES if (path := folder / f"{name}.npz").is_file()]
    if not paths:
        raise SettingsError(f"no {FILES[1]}.npz in {folder}: the deep field is needed to be asked about")
    survey = join_bands(paths, [read_light_curves(path) for path in paths], "native_class")
    active = np.isin(survey.labels("native_class"), ACTIVE)
    survey = survey.take(np.flatnonzero(active))
    rows = []
    for name, versions in shipped_models().items():
        for version, model in versions.items():
            artifact = load_artifact(model)
            asked = ask(artifact, survey, workers=workers)
            classes = artifact.manifest.classes
            fused = _sure_and_wrong(asked.fused, classes) if artifact.manifest.fused is not None else ("", "")
            rows.append((f"{name} {version}", *_sure_and_wrong(asked.answers, classes), *fused))
    return Section(
        "Deep field",
        (
            "Active galaxies of COSMOS as LSST saw them: the share of which a model gives another class "
            f"than {QUASAR} a probability above {SURE:g}, and how many there are; of each band of eight "
            "epochs or more, scored or not, and of all bands of a galaxy together.",
        ),
        (
            Table(
                "Sure and wrong",
                ("model", "of bands", "bands", "of galaxies", "galaxies"),
                tuple(rows),
            ),
        ),
    )


def _sure_and_wrong(answers: Answers, classes: tuple[str, ...]) -> tuple[str, str]:
    """Write the share that is sure and wrong, and the number."""
    wrong: NDArray[np.bool_] = answers.predicted != (classes.index(QUASAR) if QUASAR in classes else -1)
    sure = answers.scored & (answers.confidence > SURE)
    return f"{np.mean(sure & wrong):.1%}", str(len(answers.scored))
