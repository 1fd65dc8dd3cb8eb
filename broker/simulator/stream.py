"""A stream of alerts of a simulated sky, byte for byte in the form in which ZTF and LSST send theirs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from broker.simulator.cadence import SURVEY_NAMES
from broker.simulator.lsst import lsst_packets
from broker.simulator.sky import FIRST_NIGHT, MIX, SimulatedLightCurve, simulate_sky
from broker.simulator.ztf import ztf_packets

PACKETS: Mapping[str, Callable[[SimulatedLightCurve], Iterator[tuple[int, bytes]]]] = {
    "ztf": ztf_packets,
    "lsst": lsst_packets,
}


@dataclass(frozen=True, slots=True)
class SimulatedAlert:
    """One message of a survey's topic, and the truth about it.

    Attributes
    ----------
    survey : str
        ``"ztf"`` or ``"lsst"``.
    payload : bytes
        What the survey would send.
    object_id : str
        As in the packet.
    true_class : str
        Of `broker.simulator.stars.CLASSES`.
    mjd : float
        Time of the triggering detection as the survey reports it [d].
    defect : str or None
        What `broker.simulator.defects.spoil` did to it.
    """

    survey: str
    payload: bytes
    object_id: str
    true_class: str
    mjd: float
    defect: str | None = None


def alert_stream(
    *,
    n_objects: int = 120,
    seed: int = 1,
    days: int = 365,
    history_d: float = 30.0,
    surveys: Sequence[str] = SURVEY_NAMES,
    mix: Mapping[str, float] = MIX,
) -> Iterator[SimulatedAlert]:
    """Alerts of a simulated sky in the order of time. The same arguments give the same bytes.

    Parameters
    ----------
    n_objects : int
        Stars, shared equally between the surveys.
    seed : int
        Of the sky.
    days : int
        Nights that the surveys observe.
    history_d : float
        Of the first so many days no alert is sent, as if the stream was joined late: those detections come
        as history in later packets.
    surveys : sequence of str
        Which ones.
    mix : mapping of str to float
        Fraction of each class of stars.
    """
    curves = [
        curve
        for number, survey in enumerate(surveys)
        for curve in simulate_sky(
            (n_objects + len(surveys) - 1 - number) // len(surveys), seed, survey, days=days, mix=mix
        )
    ]
    streams = (alerts_of(curve, not_before=FIRST_NIGHT + history_d) for curve in curves)
    return heapq.merge(*streams, key=lambda alert: alert.mjd)


def alerts_of(curve: SimulatedLightCurve, *, not_before: float = 0.0) -> Iterator[SimulatedAlert]:
    """Alerts of one light curve from a time on [MJD], in the order of time."""
    survey = curve.survey.facts.name
    for row, payload in PACKETS[survey](curve):
        mjd = float(curve.mjd[row])
        if mjd >= not_before:
            yield SimulatedAlert(survey, payload, curve.object_id, curve.star.class_name, mjd)
