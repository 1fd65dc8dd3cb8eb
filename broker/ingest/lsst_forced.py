"""Forced photometry of LSST: every visit of an object with two detections, measured at the object's place.

A total flux at the object's place is better than a detection's, which is measured at its own noisy centroid:
the scatter of visits minutes apart is up to eight times smaller at magnitude 18. But the place of a row is
that of the object as it was then, and may have been wrong, and no flag tells of a detector's edge. Packets
have a total flux from schema 8.0 on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from broker.alert import EPOCH, FORCED, REFUSED
from broker.avro.projection import Kind, Record, Rows
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.lsst_exposures import (
    BRIGHTEST_NJY,
    EXPOSURE_COLUMNS,
    FAINTEST_NJY,
    exposure_number,
    is_withdrawn,
    plausible_exposure,
)
from broker.ingest.vetting import WITHDRAWN, Verdicts, VettingRules, all_of, judge, offset_byte
from schemas.surveys import AB_ZERO_POINT_NJY, MAG_PER_RELATIVE_FLUX

FORCED_COLUMNS: Mapping[str, Kind] = {
    **EXPOSURE_COLUMNS,
    "psfFlux": "double",
    "psfFluxErr": "double",
    "timeProcessedMjdTai": "double",
    "time_processed": "double",  # the same in 8.0, in another unit
}
OBJECT_RA, OBJECT_DEC = "diaObject.ra", "diaObject.dec"

MIN_SNR = 5.0  # of all the light; below, the mean of what passes is brighter than the star

# A star at s from where it is measured loses 1.0857 s^2 / (4 sigma^2) mag, sigma that of the seeing: 0.02 mag
# here, and 0.23 and 0.83 mag in the two of five objects whose earlier rows are 0.4 to 0.7 arcsec off.
MAX_OFFSET_ARCSEC = 0.15

# A star on a detector's edge is faint without a word: in 11 of 2,321 rows, none of them good as far as the
# same night tells. It is not there if nothing was detected while much of the reference's light is missing.
VANISHED_SNR = -10.0
VANISHED_FRACTION = 0.8

MS_PER_DAY = 86_400_000


def forced_epochs(record: Record, rules: VettingRules) -> tuple[NDArray[np.void], Verdicts]:
    """Turn forced photometry into epochs of total magnitude, and into marks where it is not to be used.

    The first rule that a row breaks names its verdict: ``withdrawn``, ``no_total_flux``, ``bad_value``,
    ``faint``, ``vanished``, ``misplaced``, ``uninformative``.

    Parameters
    ----------
    record : Record
        The alert, of n forced rows; its triggering diaSource is possible.

    Returns
    -------
    epochs : (m,) EPOCH
        One for every exposure that can be named, as `broker.alert.Alert.forced` has it; of two rows the one
        that was processed later.
    verdicts : Verdicts
        On all n rows.
    """
    rows = record.forced
    flux, error = rows.columns["scienceFlux"], rows.columns["scienceFluxErr"]
    named = all_of(plausible_exposure(rows).values())
    offset = _offsets_arcsec(record)
    with np.errstate(all="ignore"):  # null is NaN here, and any number may have been sent
        mag = AB_ZERO_POINT_NJY - 2.5 * np.log10(flux)
        mag_err = (MAG_PER_RELATIVE_FLUX * error / flux).astype(np.float32)  # as it is kept: 0 if it is tiny
        possible = (mag_err > 0.0) & np.isfinite(error) & (flux <= BRIGHTEST_NJY) & named
        verdicts = judge(
            {
                WITHDRAWN: is_withdrawn(rows),
                "no_total_flux": ~(flux > 0.0),
                "bad_value": ~possible,
                "faint": (flux < MIN_SNR * error) | (flux <= FAINTEST_NJY),
                "vanished": _vanished(record),
                "misplaced": ~(offset <= MAX_OFFSET_ARCSEC),
                "uninformative": mag_err >= rules.max_mag_err,
            }
        )
    rests = _latest(rows, np.flatnonzero(named))
    used, withdrawn = verdicts.used[rests], verdicts.withdrawn[rests]
    epochs = np.zeros(rests.size, dtype=EPOCH)
    epochs["exposure"] = exposure_number(rows)[rests]
    epochs["band"] = rows.columns["band"][rests]
    epochs["kind"] = np.where(used | withdrawn, FORCED, REFUSED)
    epochs["withdrawn"] = withdrawn
    epochs["source_id"] = np.where(withdrawn, 0, _triggered_ms(record))
    values = rests[used]
    mjd = rows.columns["midpointMjdTai"][values]
    measured = {
        "mjd": mjd,
        "mag": mag[values],
        "mag_err": mag_err[values],
        "time_correction_s": light_travel_s(mjd, rows.columns["ra"][values], rows.columns["dec"][values]),
        "offset": offset_byte(offset[values]),
    }
    for name, value in measured.items():
        epochs[name][used] = value
    return epochs, verdicts


def _triggered_ms(record: Record) -> int:
    """Time of the triggering diaSource. Its id does not tell what is newer: in 2026 ids began again lower."""
    return round(float(record.columns["midpointMjdTai"][0]) * MS_PER_DAY)


def _offsets_arcsec(record: Record) -> NDArray[np.float64]:
    """Distance of each row from the object as it is now; NaN where a place is not known.

    The object's is that of the packet's diaObject, which is where the triggering visit was measured too.
    """
    rows = record.forced
    ra, dec = rows.columns["ra"], rows.columns["dec"]
    centre = np.array([record.fields[OBJECT_RA], record.fields[OBJECT_DEC]], dtype=np.float64)  # null is NaN
    if np.isnan(centre).any():
        of_trigger = exposure_number(rows) == exposure_number(record)[0]
        if not of_trigger.any():
            return np.full(ra.size, np.nan)
        at = int(np.argmax(of_trigger))
        centre = np.array([ra[at], dec[at]])
    phi, phi_0 = np.deg2rad(dec), np.deg2rad(centre[1])
    half_dec, half_ra = 0.5 * (phi - phi_0), 0.5 * np.deg2rad(ra - centre[0])
    with np.errstate(all="ignore"):
        haversine = np.sin(half_dec) ** 2 + np.cos(phi) * np.cos(phi_0) * np.sin(half_ra) ** 2
        return np.asarray(3600.0 * np.rad2deg(2.0 * np.arcsin(np.sqrt(haversine))))


def _vanished(record: Record) -> NDArray[np.bool_]:
    """Rows without a detection in their exposure where most of the reference's light is missing."""
    rows = record.forced
    science, difference = rows.columns["scienceFlux"], rows.columns["psfFlux"]
    missing: NDArray[np.bool_] = (difference < VANISHED_SNR * rows.columns["psfFluxErr"]) & (
        science < VANISHED_FRACTION * (science - difference)
    )
    if missing.any():
        missing &= ~np.isin(exposure_number(rows), exposure_number(record))
    return missing


def _latest(rows: Rows, named: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of rows of one exposure and band the one that was processed last, else the last; in packet order."""
    processed = rows.columns["timeProcessedMjdTai"]
    processed = np.where(np.isnan(processed), rows.columns["time_processed"], processed)
    processed = np.where(np.isnan(processed), -np.inf, processed)[named]
    exposure, band = exposure_number(rows)[named], rows.columns["band"][named]
    order = np.lexsort((processed, band, exposure))
    exposure, band = exposure[order], band[order]
    last = np.ones(named.size, dtype=np.bool_)
    last[:-1] = (exposure[1:] != exposure[:-1]) | (band[1:] != band[:-1])
    return np.sort(named[order[last]])
