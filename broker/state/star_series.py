"""The series of a star: the points of all its bands that can be measured together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from broker.alert import FORCED
from broker.state.epochs import picked, seen
from broker.state.light_curve import SECONDS_PER_DAY, LightCurve
from features import SURVEY_BANDS
from features.conventions import MIN_BAND_POINTS

ALL_BANDS = "all"
"""What stands in the place of a band where all of a star's bands are meant."""


_NUMBERS = np.zeros(256, np.int8)  # of bands by their letters
_NUMBERS[[ord(letter) for letter in SURVEY_BANDS]] = np.arange(len(SURVEY_BANDS))


@dataclass(frozen=True, slots=True)
class StarSeries:
    """Bands of a light curve as they are measured together: u g r i z y, each by time.

    Attributes
    ----------
    number : (n,) int8
        Band of each point, its place in `SURVEY_BANDS`.
    time, mag, mag_err, forced, mjd : (n,)
        As in `BandSeries`.
    """

    number: NDArray[np.int8]
    time: NDArray[np.float64]
    mag: NDArray[np.float64]
    mag_err: NDArray[np.float64]
    forced: NDArray[np.bool_]
    mjd: NDArray[np.float64]

    @property
    def band(self) -> str:
        """What a record says in the place of its band."""
        return ALL_BANDS

    @property
    def bands(self) -> set[str]:
        """The bands that are measured together."""
        return {SURVEY_BANDS[number] for number in np.unique(self.number).tolist()}


def star_series(curve: LightCurve) -> StarSeries:
    """Return the epochs that count of every band that has at least two of them; ties as in `band_series`.

    Those of other bands are left out, so that a record of the star is of what it follows from.
    """
    epochs = seen(curve.epochs)
    number = _NUMBERS[epochs["band"].view(np.uint8)]
    joint = np.bincount(number, minlength=len(SURVEY_BANDS))[number] >= MIN_BAND_POINTS
    epochs, number = picked(epochs, joint), number[joint]
    time = epochs["mjd"] + epochs["time_correction_s"].astype(np.float64) / SECONDS_PER_DAY
    order = np.lexsort((epochs["exposure"], epochs["source_id"], time, number))
    epochs = picked(epochs, order)
    return StarSeries(
        number[order],
        time[order],
        epochs["mag"].astype(np.float64),
        epochs["mag_err"].astype(np.float64),
        epochs["kind"] == FORCED,
        epochs["mjd"].copy(),
    )


def joint_bands(curve: LightCurve) -> set[str]:
    """Return the bands that `star_series` has."""
    letters, counts = np.unique(seen(curve.epochs)["band"], return_counts=True)
    return {bytes(letter).decode("ascii") for letter in letters[counts >= MIN_BAND_POINTS]}
