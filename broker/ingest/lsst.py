"""LSST alerts: total magnitudes from forced photometry on the visit images.

Schemas: https://github.com/lsst/alert_packet. Fields are taken by name, so that 8.0 to 11.1 and minor
versions to come are read alike; before 8.0 packets hold no total flux.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from broker.alert import EPOCH, Alert, Skipped
from broker.avro.projection import Projection, Record
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.vetting import (
    VettingRules,
    all_of,
    bad_trigger,
    known_error,
    places,
    vet,
)
from schemas.surveys import (
    AB_ZERO_POINT_NJY,
    BRIGHTEST_MAG,
    FAINTEST_MAG,
    LSST,
    MAG_PER_RELATIVE_FLUX,
)

PROJECTION = Projection(
    survey=LSST.name,
    fields={},
    trigger="diaSource",
    history="prvDiaSources",
    counted="prvDiaForcedSources",
    signature=frozenset({"diaSourceId", "diaObjectId"}),
    columns={
        "diaSourceId": "long",
        "visit": "long",
        "detector": "long",
        "diaObjectId": "long",
        "ssObjectId": "long",
        "midpointMjdTai": "double",
        "ra": "double",
        "dec": "double",
        "scienceFlux": "double",
        "scienceFluxErr": "double",
        "band": "text",
        "timeWithdrawnMjdTai": "double",
    },
)

BANDS = (b"u", b"g", b"r", b"i", b"z", b"y")
DETECTOR_NUMBERS = 256  # in one visit: 189 are in use (and 205 with the corners)
FIRST_MJD, LAST_MJD = 50000.0, 100000.0  # precursor data start in 2013
BRIGHTEST_NJY, FAINTEST_NJY = (
    10.0 ** (0.4 * (AB_ZERO_POINT_NJY - mag)) for mag in (BRIGHTEST_MAG, FAINTEST_MAG)
)


def read(record: Record, rules: VettingRules) -> Alert | Skipped:
    """Vet an LSST alert by its diaSource, and turn it and its history into epochs.

    An alert without diaObject is skipped (``solar_system``, ``no_object``). The first rule that a detection
    breaks names its fate: ``withdrawn``, ``solar_system`` (a known asteroid that passed the object),
    ``no_total_flux``, ``bad_value``, ``uninformative``. A withdrawn trigger is an alert all the same, so that
    it can leave its light curve.

    Times are the middle of the exposure in TAI; `time_correction_s` takes them to the Sun. The object is the
    diaSource's: the one in the packet's diaObject went through floating point in samples handed on by other
    brokers.

    Raises
    ------
    AlertError
        If the diaSource holds an impossible value.
    """
    columns, present = record.columns, record.present
    object_id = int(columns["diaObjectId"][0])
    if object_id == 0:  # null reads as 0 too
        return Skipped(LSST.name, "solar_system" if columns["ssObjectId"][0] != 0 else "no_object")

    flux = columns["scienceFlux"]
    ra, dec, on_sky = places(record)
    checks = _plausible(record) | on_sky
    withdrawn = present["timeWithdrawnMjdTai"] & ~np.isnan(columns["timeWithdrawnMjdTai"])
    withdrawn_ids = columns["diaSourceId"][withdrawn]
    dark = ~((flux > FAINTEST_NJY) & np.isfinite(flux))
    with np.errstate(all="ignore"):  # of a flux of nothing or less
        mag = AB_ZERO_POINT_NJY - 2.5 * np.log10(flux)
        mag_err = MAG_PER_RELATIVE_FLUX * known_error(columns["scienceFluxErr"]) / flux
    uninformative = (mag_err >= rules.max_mag_err) | np.isposinf(columns["scienceFluxErr"])
    asteroid = columns["ssObjectId"] != 0
    if withdrawn[0]:  # it has to reach its light curve to leave it, and needs no flux for that
        withdrawn[0] = asteroid[0] = dark[0] = uninformative[0] = False
        checks["scienceFlux"][0] = True
    fates = vet(
        {
            "withdrawn": withdrawn,
            "solar_system": asteroid,
            "no_total_flux": dark,
            "bad_value": ~all_of(checks.values()),
            "uninformative": uninformative,
        }
    )
    if fates.trigger == "bad_value":
        raise bad_trigger(record, checks, "diaSource")
    if fates.trigger != "used":
        return Skipped(LSST.name, fates.trigger)

    rows = fates.used
    ra, dec = ra[rows], dec[rows]
    epochs = np.zeros(ra.size, dtype=EPOCH)
    epochs["source_id"] = columns["diaSourceId"][rows]
    epochs["exposure"] = columns["visit"][rows] * DETECTOR_NUMBERS + columns["detector"][rows]
    epochs["mjd"] = columns["midpointMjdTai"][rows]
    epochs["mag"] = mag[rows]
    with np.errstate(over="ignore"):  # of a withdrawn trigger
        epochs["mag_err"] = known_error(mag_err[rows].astype(np.float32))
    epochs["time_correction_s"] = light_travel_s(epochs["mjd"], ra, dec)
    epochs["band"] = columns["band"][rows]
    if record.n_counted:
        fates.history["forced"] = record.n_counted
    return Alert(
        survey=LSST.name,
        object_id=str(object_id),
        time_scale=LSST.time_scale,
        ra=float(ra[0]),
        dec=float(dec[0]),
        detection=epochs[:1],
        history=epochs[1:],
        withdrawn=withdrawn_ids,
        history_rows=fates.history,
    )


def _plausible(record: Record) -> dict[str, NDArray[np.bool_]]:
    """Per field, the rows whose value is possible."""
    columns, present = record.columns, record.present
    mjd, visit, detector = columns["midpointMjdTai"], columns["visit"], columns["detector"]
    return {
        "diaSourceId": present["diaSourceId"],
        "midpointMjdTai": (mjd > FIRST_MJD) & (mjd < LAST_MJD),
        "visit": present["visit"] & (visit >= 0) & (visit < 2**63 // DETECTOR_NUMBERS),
        "detector": present["detector"] & (detector >= 0) & (detector < DETECTOR_NUMBERS),
        "band": np.logical_or.reduce([columns["band"] == band for band in BANDS]),
        "scienceFlux": ~(columns["scienceFlux"] > BRIGHTEST_NJY),
    }
