"""The light curve of one object, from packets in files or from the store of a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from broker.alert import Packet, Skipped
from broker.errors import AlertError, ConfigError
from broker.ingest.decoder import Decoder
from broker.state.light_curve import LightCurve, merge
from broker.state.look_up import look_up
from schemas.model.shipped import DEFAULT_MODELS


class Found(NamedTuple):
    """An object and its light curve, as all alerts that were read leave it."""

    survey: str
    object_id: str
    curve: LightCurve


def find_in_packets(asked: str, packets: Iterable[Packet], decoder: Decoder) -> Found:
    """Return the light curve that the packets of an object make, in whatever order they come.

    Parameters
    ----------
    asked : str
        Its id, with or without the survey in front, as in ``ztf:ZTF18abcdefg``.
    packets : iterable of Packet
        Of it and of others; those that cannot be read are passed over.
    decoder : Decoder
        Reads them.

    Raises
    ------
    ConfigError
        If there is no usable alert of it, or it is the id of objects of two surveys.
    TransientError, FatalError
        If the schema registry or a file cannot be asked.
    """
    curves: dict[str, LightCurve] = {}
    n = 0
    skipped: Counter[str] = Counter()
    unread: list[AlertError] = []
    for packet in packets:
        n += 1
        try:
            alert = decoder.read(packet)
        except AlertError as exc:
            unread.append(exc)
            continue
        if isinstance(alert, Skipped):
            skipped[alert.reason] += 1
        elif asked in (alert.object_id, alert.key):
            curves[alert.key], _ = merge(curves.get(alert.key, LightCurve.empty()), alert)
    where = f"among {n:,} packets"
    if skipped:
        where += f", of which {', '.join(f'{n:,} {reason}' for reason, n in sorted(skipped.items()))}"
    if unread:
        where += f"; {len(unread):,} could not be read, the first for this: {unread[0]}"
    return _only(asked, curves, where)


def find_in_store(asked: str, path: Path) -> Found:
    """Return the light curve of an object as the store of a worker has it; `asked` as above.

    Raises
    ------
    ConfigError
        If the store cannot be read, does not know the object, or knows it of two surveys.
    FatalError
        If the light curve is damaged there.
    """
    keys = [asked, *(f"{survey}:{asked}" for survey in DEFAULT_MODELS)]
    return _only(asked, look_up(path, keys), f"in the store {path}")


def _only(asked: str, curves: dict[str, LightCurve], where: str) -> Found:
    if not curves:
        raise ConfigError(f"no usable alert of an object {asked!r} {where}")
    if len(curves) > 1:
        raise ConfigError(f"{asked!r} is an object of two surveys: ask for {' or '.join(curves)}")
    ((key, curve),) = curves.items()
    survey, _, object_id = key.partition(":")
    return Found(survey, object_id, curve)
