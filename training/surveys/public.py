"""All public sets that are known by their file names."""

from __future__ import annotations

from collections.abc import Mapping

from training.surveys.streams import STREAMS
from training.surveys.survey import Survey
from training.surveys.variable_stars import VARIABLE_STARS

SURVEYS: Mapping[str, Survey] = {**VARIABLE_STARS, **STREAMS}
"""By file name without its suffix."""

WITHOUT_A_MAP = ("elasticc_sn_SIMULATED_r", "elasticc_sn_SIMULATED_i", "ztf_sn_alert_vs_forced")
"""Other public sets, by file name without its suffix; what their labels mean the user says."""


def is_public(name: str) -> bool:
    """Whether a file of this name is of a public set: nobody can mend its points, they are left out."""
    return name in SURVEYS or name in WITHOUT_A_MAP
