"""ZTF exposures: when they were, in which band, and whose; the same words for detections and forced rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.avro.projection import Kind, Rows
from broker.ingest.vetting import VettingRules
from schemas.surveys import ZTF

EXPOSURE_COLUMNS: Mapping[str, Kind] = {
    "jd": "double",
    "fid": "long",
    "pid": "long",
    "programid": "long",
    "exptime": "double",
}

BANDS = np.array([b"g", b"r", b"i"], dtype="S1")  # fid 1, 2, 3
FIRST_JD, LAST_JD = 2457000.0, 2500000.0  # before the camera was on the sky; the year 2132
JD_OF_PID_ZERO = 2457754.5
PID_TOLERANCE_D = 0.01
MJD_ZERO_JD = 2400000.5


def plausible_exposure(rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """Per field, the rows whose exposure is possible; without a pid nothing contradicts the time."""
    columns, present = rows.columns, rows.present
    jd, fid, pid = columns["jd"], columns["fid"], columns["pid"]
    # The digits of pid are the start of the exposure: equal to jd within 1e-5 d in all of 50,724 detections.
    jd_of_pid = JD_OF_PID_ZERO + (pid // 1000) * 1e-6
    return {
        "jd": (jd > FIRST_JD) & (jd < LAST_JD),
        "pid": ~present["pid"] | (np.abs(jd - jd_of_pid) < PID_TOLERANCE_D),
        "fid": (fid >= 1) & (fid <= BANDS.size),
    }


def not_public(programid: NDArray[np.int64], rules: VettingRules) -> NDArray[np.bool_]:
    """Rows of other programmes than those that may be used."""
    if rules.programids is None:
        return np.zeros(programid.size, dtype=np.bool_)
    public: NDArray[np.bool_] = np.logical_or.reduce([programid == wanted for wanted in rules.programids])
    return ~public


def half_exposure_s(exptime: NDArray[Any]) -> NDArray[np.float64]:
    """Half of each exposure [s]; packets before schema 4.0 do not tell its length."""
    return 0.5 * np.where((exptime > 0.0) & (exptime < 3600.0), exptime, ZTF.exposure_s)
