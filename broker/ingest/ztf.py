"""ZTF alerts: total magnitudes from difference photometry.

Field names and their meaning: https://zwickytransientfacility.github.io/ztf-avro-alert/schema.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.alert import EPOCH, Alert, Skipped
from broker.avro.projection import Projection, Record
from broker.errors import AlertError
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.vetting import (
    FORCED_ROWS,
    VettingRules,
    all_of,
    bad_trigger,
    is_limit,
    is_magnitude,
    known_error,
    places,
    vet,
)
from broker.ingest.ztf_exposures import (
    BANDS,
    EXPOSURE_COLUMNS,
    MJD_ZERO_JD,
    half_exposure_s,
    not_public,
    plausible_exposure,
)
from broker.ingest.ztf_forced import FORCED_COLUMNS, forced_epochs
from schemas.surveys import FAINTEST_MAG, ZTF

MAX_OBJECT_ID_CHARACTERS = 256  # a key of every message and of the store; ZTF's have 12 characters
PROJECTION = Projection(
    survey=ZTF.name,
    fields={"objectId": "text", "candid": "long"},
    trigger="candidate",
    history="prv_candidates",
    forced="fp_hists",
    signature=frozenset({"jd", "fid", "magpsf", "isdiffpos", "programid", "distnr", "magnr"}),
    columns={
        **EXPOSURE_COLUMNS,
        "candid": "long",
        "isdiffpos": "text",
        "ra": "double",
        "dec": "double",
        "magpsf": "double",
        "sigmapsf": "double",
        "distnr": "double",
        "magnr": "double",
        "sigmagnr": "double",
        "ssdistnr": "double",
        "ssmagnr": "double",
    },
    forced_columns=FORCED_COLUMNS,
)

BRIGHTER_TEXTS = (b"t", b"1", b"true")  # of isdiffpos: 't' comes back as '1' in later packets
FAINTER_TEXTS = (b"f", b"0", b"false")
DARK = 10.0 ** (-0.4 * FAINTEST_MAG)

# Of 1,819 packets 292 name an asteroid within 5 arcsec, and all of these are brighter than the reference. The
# 290 within 1 arcsec are 0.6 mag brighter to 1.3 mag fainter than predicted, the two beyond 3 arcsec are 2.4
# mag off. A chance passage is no nearer than 1.5 mag every other time (39 asteroids beyond 5 arcsec).
MAX_ASTEROID_ARCSEC = 5.0
MAX_ASTEROID_MAG_OFF = 1.5


def read(record: Record, rules: VettingRules) -> Alert | Skipped:
    """Vet a ZTF alert by its candidate, and turn it, its history and its forced photometry into epochs.

    The first rule that a detection breaks names its fate: ``non_detection`` (history only: an upper limit),
    ``not_public``, ``solar_system``, ``no_total_flux``, ``no_reference_star``, ``bad_value``,
    ``uninformative``. Times are the start of the exposure in UTC; `time_correction_s` takes them to its
    middle and to the Sun.

    Raises
    ------
    AlertError
        If the alert has no name or its candidate holds an impossible value.
    """
    columns, present = record.columns, record.present
    object_id = record.fields["objectId"]
    if not isinstance(object_id, str) or not object_id:
        raise AlertError("missing_field", "objectId of the alert is empty or not in the writer's schema")
    if len(object_id) > MAX_OBJECT_ID_CHARACTERS:
        raise AlertError("bad_value", f"objectId has {len(object_id):,} characters: {object_id:.40}...")
    candid = columns["candid"]
    if not present["candid"][0]:
        if record.fields["candid"] is None:
            raise AlertError("missing_field", f"alert of {object_id} has no candid")
        candid[0] = record.fields["candid"]
        present["candid"][0] = True

    with np.errstate(all="ignore"):  # null is NaN here, and a sentinel may overflow: vetted below
        sign = _sign(columns["isdiffpos"])
        total = total_magnitude(columns, sign, rules)
        ra, dec, on_sky = places(record)
        checks = _plausible(record, sign) | on_sky
        upper_limit = ~present["magpsf"]
        upper_limit[0] = False
        fates = vet(
            {
                "non_detection": upper_limit,
                "not_public": not_public(columns["programid"], rules),
                "solar_system": _is_asteroid(columns, sign),
                "no_total_flux": total.dark,
                "no_reference_star": total.no_reference,
                "bad_value": ~all_of(checks.values()),
                "uninformative": total.least_err >= rules.max_mag_err,
            }
        )
    if fates.trigger == "bad_value":
        raise bad_trigger(record, checks, "candidate")
    if fates.trigger != "used":
        return Skipped(ZTF.name, fates.trigger)

    rows = fates.used
    ra, dec = ra[rows], dec[rows]
    epochs = np.zeros(ra.size, dtype=EPOCH)
    epochs["source_id"] = candid[rows]
    epochs["exposure"] = _exposure(record)[rows]
    epochs["mjd"] = columns["jd"][rows] - MJD_ZERO_JD
    epochs["mag"] = total.mag[rows]
    epochs["mag_err"] = total.mag_err[rows]
    epochs["time_correction_s"] = half_exposure_s(columns["exptime"][rows]) + light_travel_s(
        epochs["mjd"], ra, dec
    )
    epochs["band"] = BANDS[columns["fid"][rows] - 1]
    forced, counted = _forced(record, float(ra[0]), float(dec[0]), rules)
    return Alert(
        survey=ZTF.name,
        object_id=object_id,
        time_scale=ZTF.time_scale,
        ra=float(ra[0]),
        dec=float(dec[0]),
        detection=epochs[:1],
        history=epochs[1:],
        withdrawn=np.empty(0, dtype=np.int64),
        history_rows=fates.history | counted,
        forced=forced,
    )


def _forced(
    record: Record, ra: float, dec: float, rules: VettingRules
) -> tuple[NDArray[np.void], dict[str, int]]:
    """Epochs of the forced photometry, and how many of its rows there are of each verdict."""
    n_rows = record.forced.columns["jd"].size
    if not n_rows or not rules.forced_photometry:
        return np.empty(0, dtype=EPOCH), {FORCED_ROWS: n_rows} if n_rows else {}
    epochs, verdicts = forced_epochs(record.forced, ra, dec, rules)
    return epochs, verdicts.counted


@dataclass(frozen=True, slots=True)
class Total:
    """All the light of n detections; `mag` and errors mean nothing where one of the masks is set.

    Attributes
    ----------
    mag : (n,) float64
        [mag].
    mag_err : (n,) float32
        One sigma; NaN where a part of it is unknown [mag].
    least_err : (n,) float64
        That of the parts that are known; infinite where the light nearly cancels, or a part is a limit [mag].
    dark : (n,) bool
        The sum is not positive, or less than any star is measured at.
    no_reference : (n,) bool
        The reference has no star here, or another one.
    """

    mag: NDArray[np.float64]
    mag_err: NDArray[np.float32]
    least_err: NDArray[np.float64]
    dark: NDArray[np.bool_]
    no_reference: NDArray[np.bool_]


def total_magnitude(
    columns: Mapping[str, NDArray[Any]], sign: NDArray[np.float64], rules: VettingRules
) -> Total:
    r"""Magnitude of all light, from that of the difference and that of the reference star.

    .. math:: f_r = 10^{-0.4\,\mathrm{magnr}}, \quad f_d = 10^{-0.4\,\mathrm{magpsf}}, \quad f = f_r \pm f_d,

              m = -2.5 \log_{10} f, \quad
              \sigma = \sqrt{(f_r\,\mathrm{sigmagnr})^2 + (f_d\,\mathrm{sigmapsf})^2} \, / f

    Every detection is added to its own `magnr`: the reference of one band changes with field and readout
    channel. The error is finite for every f > 0; the other convention in use, which subtracts the terms
    because the difference holds the reference's noise, is undefined for 31 % of real detections.

    References
    ----------
    ZTF Science Data System Explanatory Supplement, "Constructing light curves from alert packets".
    """
    has_reference = is_magnitude(columns["magnr"])
    nearby = has_reference & (columns["distnr"] >= 0.0) & (columns["distnr"] < rules.max_distnr_arcsec)
    added = has_reference if rules.require_reference_star else nearby
    difference = 10.0 ** (-0.4 * columns["magpsf"])
    reference = np.where(added, 10.0 ** (-0.4 * columns["magnr"]), 0.0)
    total = reference + sign * difference

    of_difference = difference * known_error(columns["sigmapsf"])
    of_reference = np.zeros_like(of_difference)
    if rules.ztf_error == "dc":
        of_reference = np.where(added, reference * known_error(columns["sigmagnr"]), 0.0)
    least = np.hypot(np.fmax(of_difference, 0.0), np.fmax(of_reference, 0.0))
    limit = is_limit(columns["sigmapsf"]) | (added & is_limit(columns["sigmagnr"]))
    summed = is_magnitude(columns["magpsf"]) & (sign != 0.0) & (added | (not rules.require_reference_star))
    return Total(
        mag=-2.5 * np.log10(total),
        mag_err=known_error((np.hypot(of_difference, of_reference) / total).astype(np.float32)),
        least_err=np.where(limit, np.inf, least / total),
        dark=summed & (total <= DARK),
        no_reference=~nearby if rules.require_reference_star else np.zeros_like(nearby),
    )


def _is_asteroid(columns: Mapping[str, NDArray[Any]], sign: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows where a known asteroid is as near and as bright as what was detected.

    One that only adds to the light, and is predicted at this magnitude: a faint asteroid that passes a bright
    variable star explains nothing of the star's change.
    """
    distance, predicted = columns["ssdistnr"], columns["ssmagnr"]
    near: NDArray[np.bool_] = (distance >= 0.0) & (distance < MAX_ASTEROID_ARCSEC)
    if not near.any():  # nearly always
        return near
    fits = np.abs(columns["magpsf"] - predicted) <= MAX_ASTEROID_MAG_OFF
    asteroid: NDArray[np.bool_] = near & fits & is_magnitude(predicted) & (sign > 0.0)
    return asteroid


def _plausible(record: Record, sign: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Per field, the rows whose value is possible."""
    return {
        **plausible_exposure(record),
        "candid": record.present["candid"],
        "magpsf": is_magnitude(record.columns["magpsf"]),
        "isdiffpos": sign != 0.0,
    }


def _exposure(record: Record) -> NDArray[np.int64]:
    """Return the exposure and readout channel; candid is pid with six digits more."""
    exposure: NDArray[np.int64] = np.where(
        record.present["pid"], record.columns["pid"], record.columns["candid"] // 10**6
    )
    return exposure


def _sign(isdiffpos: NDArray[np.bytes_]) -> NDArray[np.float64]:
    """+1 where the difference is positive, -1 where negative, 0 where the text is neither."""
    sign = np.zeros(isdiffpos.size)
    for text in BRIGHTER_TEXTS:
        sign[isdiffpos == text] = 1.0
    for text in FAINTER_TEXTS:
        sign[isdiffpos == text] = -1.0
    return sign
