"""LSST exposures: visit and detector, time and band; the same words for detections and forced rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from broker.avro.projection import Kind, Rows
from schemas.surveys import AB_ZERO_POINT_NJY, BRIGHTEST_MAG, FAINTEST_MAG

EXPOSURE_COLUMNS: Mapping[str, Kind] = {
    "visit": "long",
    "detector": "long",
    "midpointMjdTai": "double",
    "ra": "double",
    "dec": "double",
    "scienceFlux": "double",
    "scienceFluxErr": "double",
    "band": "text",
    "timeWithdrawnMjdTai": "double",
}

BANDS = (b"u", b"g", b"r", b"i", b"z", b"y")
DETECTOR_NUMBERS = 256  # in one visit: 189 are in use (and 205 with the corners)
LAST_VISIT = 2**50  # a date and five digits, 2026030600123; also what a key of exposures can hold
FIRST_MJD, LAST_MJD = 50000.0, 100000.0  # precursor data start in 2013
BRIGHTEST_NJY, FAINTEST_NJY = (
    10.0 ** (0.4 * (AB_ZERO_POINT_NJY - mag)) for mag in (BRIGHTEST_MAG, FAINTEST_MAG)
)


def plausible_exposure(rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """Per field, the rows whose exposure is possible."""
    columns, present = rows.columns, rows.present
    mjd, visit, detector = columns["midpointMjdTai"], columns["visit"], columns["detector"]
    return {
        "midpointMjdTai": (mjd > FIRST_MJD) & (mjd < LAST_MJD),
        "visit": present["visit"] & (visit >= 0) & (visit < LAST_VISIT),
        "detector": present["detector"] & (detector >= 0) & (detector < DETECTOR_NUMBERS),
        "band": np.logical_or.reduce([columns["band"] == band for band in BANDS]),
    }


def exposure_number(rows: Rows) -> NDArray[np.int64]:
    """Visit and detector as one number; of a possible exposure, that is."""
    number: NDArray[np.int64] = rows.columns["visit"] * DETECTOR_NUMBERS + rows.columns["detector"]
    return number


def is_withdrawn(rows: Rows) -> NDArray[np.bool_]:
    """Rows that the survey has taken back."""
    withdrawn: NDArray[np.bool_] = rows.present["timeWithdrawnMjdTai"] & ~np.isnan(
        rows.columns["timeWithdrawnMjdTai"]
    )
    return withdrawn
