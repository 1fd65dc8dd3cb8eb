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
from broker.ingest.lsst_exposures import (
    BRIGHTEST_NJY,
    EXPOSURE_COLUMNS,
    FAINTEST_NJY,
    exposure_number,
    is_withdrawn,
    plausible_exposure,
)
from broker.ingest.lsst_forced import FORCED_COLUMNS, OBJECT_DEC, OBJECT_RA, forced_epochs
from broker.ingest.vetting import (
    FORCED_ROWS,
    WITHDRAWN,
    VettingRules,
    all_of,
    bad_trigger,
    known_error,
    places,
    vet,
)
from schemas.surveys import AB_ZERO_POINT_NJY, LSST, MAG_PER_RELATIVE_FLUX

PROJECTION = Projection(
    survey=LSST.name,
    fields={OBJECT_RA: "double", OBJECT_DEC: "double"},
    trigger="diaSource",
    history="prvDiaSources",
    forced="prvDiaForcedSources",
    signature=frozenset({"diaSourceId", "diaObjectId"}),
    columns={
        **EXPOSURE_COLUMNS,
        "diaSourceId": "long",
        "diaObjectId": "long",
        "ssObjectId": "long",
    },
    forced_columns=FORCED_COLUMNS,
)


def read(record: Record, rules: VettingRules) -> Alert | Skipped:
    """Vet an LSST alert by its diaSource, and turn it, its history and its forced photometry into epochs.

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
    columns = record.columns
    object_id = int(columns["diaObjectId"][0])
    if object_id == 0:  # null reads as 0 too
        return Skipped(LSST.name, "solar_system" if columns["ssObjectId"][0] != 0 else "no_object")

    flux = columns["scienceFlux"]
    ra, dec, on_sky = places(record)
    checks = _plausible(record) | on_sky
    withdrawn = is_withdrawn(record)
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
            WITHDRAWN: withdrawn,
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
    epochs["exposure"] = exposure_number(record)[rows]
    epochs["mjd"] = columns["midpointMjdTai"][rows]
    epochs["mag"] = mag[rows]
    with np.errstate(over="ignore"):  # of a withdrawn trigger
        epochs["mag_err"] = known_error(mag_err[rows].astype(np.float32))
    epochs["time_correction_s"] = light_travel_s(epochs["mjd"], ra, dec)
    epochs["band"] = columns["band"][rows]
    forced, counted = _forced(record, rules)
    return Alert(
        survey=LSST.name,
        object_id=str(object_id),
        time_scale=LSST.time_scale,
        ra=float(ra[0]),
        dec=float(dec[0]),
        detection=epochs[:1],
        history=epochs[1:],
        withdrawn=withdrawn_ids,
        history_rows=fates.history | counted,
        forced=forced,
        forced_wins=True,
    )


def _forced(record: Record, rules: VettingRules) -> tuple[NDArray[np.void], dict[str, int]]:
    """Epochs of the forced photometry, and how many of its rows there are of each verdict."""
    n_rows = record.forced.columns["visit"].size
    if not n_rows or not rules.forced_photometry:
        return np.empty(0, dtype=EPOCH), {FORCED_ROWS: n_rows} if n_rows else {}
    epochs, verdicts = forced_epochs(record, rules)
    return epochs, verdicts.counted


def _plausible(record: Record) -> dict[str, NDArray[np.bool_]]:
    """Per field, the rows whose value is possible."""
    return {
        "diaSourceId": record.present["diaSourceId"],
        **plausible_exposure(record),
        "scienceFlux": ~(record.columns["scienceFlux"] > BRIGHTEST_NJY),
    }
