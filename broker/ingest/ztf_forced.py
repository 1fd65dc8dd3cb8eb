"""Forced photometry of ZTF: what 30 days of exposures show at the alert's place, detected or not.

Masci et al. (2023), arXiv:2305.16279. Packets have it from schema 4.01 on, in ``fp_hists``. It is measured on
difference images at the place of the packet's candidate; the star's own light is added as for detections.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.alert import EPOCH, FORCED
from broker.avro.projection import Kind, Rows
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.vetting import (
    Verdicts,
    VettingRules,
    all_of,
    is_limit,
    is_magnitude,
    judge,
    known_error,
    offset_byte,
)
from broker.ingest.ztf_exposures import (
    BANDS,
    EXPOSURE_COLUMNS,
    MJD_ZERO_JD,
    half_exposure_s,
    not_public,
    plausible_exposure,
)
from schemas.surveys import BRIGHTEST_MAG, FAINTEST_MAG, MAG_PER_RELATIVE_FLUX

FORCED_COLUMNS: Mapping[str, Kind] = {
    **EXPOSURE_COLUMNS,
    "forcediffimflux": "double",
    "forcediffimfluxunc": "double",
    "magzpsci": "double",
    "procstatus": "text",
    "distnr": "double",
    "magnr": "double",
    "sigmagnr": "double",
}

NOT_MEASURED = -99999.0  # nothing else: a star that fades by 58,000 counts is real
MEASURED_WELL = b"0"  # procstatus, a text of one or several codes
FAINTEST_ZERO_POINT, BRIGHTEST_ZERO_POINT = 15.0, 35.0
MIN_SNR = 5.0  # of all the light; below, the mean of what passes is brighter than the star

# Exposures of one star less than 0.03 d apart scatter by 0.009 to 0.014 mag more than their formal errors say
# (1,515 pairs). With the error of the reference in it ("dc") the error is large enough as it is.
DIFFERENCE_FLOOR_MAG = 0.012


def forced_epochs(
    rows: Rows, ra: float, dec: float, rules: VettingRules
) -> tuple[NDArray[np.void], Verdicts]:
    """Turn forced photometry into epochs of total magnitude.

    The first rule that a row breaks names its verdict: ``not_public``, ``bad_status``, ``bad_value``,
    ``no_reference_star``, ``no_total_flux``, ``faint``, ``uninformative``.

    Parameters
    ----------
    rows : Rows
        Of `FORCED_COLUMNS`, n of them.
    ra, dec : float
        Where they were measured: the place of the packet's candidate [deg].

    Returns
    -------
    epochs : (m,) EPOCH
        The usable ones, of two in one exposure the one nearer to the star.
    verdicts : Verdicts
        On all n.
    """
    columns = rows.columns
    with np.errstate(all="ignore"):  # null is NaN here, and any number may have been sent
        flux, error, zero_point = (
            columns[name] for name in ("forcediffimflux", "forcediffimfluxunc", "magzpsci")
        )
        has_star = _has_star(columns, rules)
        total = flux + np.where(has_star, 10.0 ** (0.4 * (zero_point - columns["magnr"])), 0.0)
        mag = zero_point - 2.5 * np.log10(total)
        mag_err, least_err = _errors(columns, has_star, total, rules)
        measured = (flux != NOT_MEASURED) & np.isfinite(flux) & (error > 0.0) & np.isfinite(error)
        possible = (
            measured
            & (zero_point >= FAINTEST_ZERO_POINT)
            & (zero_point <= BRIGHTEST_ZERO_POINT)
            & ~(mag < BRIGHTEST_MAG)
            & rows.present["pid"]
            & all_of(plausible_exposure(rows).values())
        )
        verdicts = judge(
            {
                "not_public": not_public(columns["programid"], rules),
                "bad_status": columns["procstatus"] != MEASURED_WELL,
                "bad_value": ~possible,
                "no_reference_star": ~has_star & rules.require_reference_star,
                "no_total_flux": ~(total > 0.0),
                "faint": (total < MIN_SNR * error) | (mag > FAINTEST_MAG),
                "uninformative": least_err >= rules.max_mag_err,
            }
        )
    used = _nearest(columns, np.flatnonzero(verdicts.used))
    epochs = np.zeros(used.size, dtype=EPOCH)
    epochs["exposure"] = columns["pid"][used]
    epochs["mjd"] = columns["jd"][used] - MJD_ZERO_JD
    epochs["mag"] = mag[used]
    epochs["mag_err"] = mag_err[used]
    epochs["time_correction_s"] = half_exposure_s(columns["exptime"][used]) + light_travel_s(
        epochs["mjd"], ra, dec
    )
    epochs["band"] = BANDS[columns["fid"][used] - 1]
    epochs["kind"] = FORCED
    epochs["offset"] = offset_byte(np.where(has_star, columns["distnr"], np.nan)[used])
    return epochs, verdicts


def _has_star(columns: Mapping[str, NDArray[Any]], rules: VettingRules) -> NDArray[np.bool_]:
    """Rows whose reference image, that of their own field, channel and filter, has the star."""
    distance = columns["distnr"]
    near: NDArray[np.bool_] = (distance >= 0.0) & (distance < rules.max_distnr_arcsec)
    return near & is_magnitude(columns["magnr"])


def _errors(
    columns: Mapping[str, NDArray[Any]],
    has_star: NDArray[np.bool_],
    total: NDArray[np.float64],
    rules: VettingRules,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    r"""One-sigma errors, NaN where a part is unknown, and those of the parts that are known [mag].

    .. math:: \sigma^2 = (1.0857\,\sigma_F / F)^2 + (F_r\,\mathrm{sigmagnr} / F)^2,

    or with the floor of repeated exposures in the place of the second term.
    """
    of_difference = MAG_PER_RELATIVE_FLUX * known_error(columns["forcediffimfluxunc"]) / total
    of_other = np.full_like(total, DIFFERENCE_FLOOR_MAG)
    limit = np.zeros_like(has_star)
    if rules.ztf_error == "dc":
        reference = (total - columns["forcediffimflux"]) / total
        of_other = np.where(has_star, reference * known_error(columns["sigmagnr"]), 0.0)
        limit = has_star & is_limit(columns["sigmagnr"])
    least = np.hypot(np.fmax(of_difference, 0.0), np.fmax(of_other, 0.0))
    mag_err = known_error(np.hypot(of_difference, of_other).astype(np.float32))
    return mag_err, np.where(limit, np.inf, least)


def _nearest(columns: Mapping[str, NDArray[Any]], used: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of rows of one exposure and band the nearest to the star, else the first; in packet order."""
    pid, fid = columns["pid"][used], columns["fid"][used]
    order = np.lexsort((columns["distnr"][used], fid, pid))
    pid, fid = pid[order], fid[order]
    first = np.ones(used.size, dtype=np.bool_)
    first[1:] = (pid[1:] != pid[:-1]) | (fid[1:] != fid[:-1])
    return np.sort(used[order[first]])
