"""The reading of packets: what each was found to hold, whatever that is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from broker.alert import Alert, DeadLetter, Packet, Skipped
from broker.blame.poison import dead_letter, raise_if_not_poison
from broker.errors import AlertError, UnknownSchemaError

log = logging.getLogger(__name__)

Outcome = Alert | Skipped | DeadLetter | UnknownSchemaError
"""What a packet was found to hold."""

Read = tuple[Packet, Outcome]


class Reader(Protocol):
    """What finds the alert in a packet."""

    def read(self, packet: Packet) -> Alert | Skipped:
        """Return the alert, or say that it is one to skip.

        Raises
        ------
        AlertError
            If there is none that could be used.
        TransientError
            If something that it takes is away.
        """


def read_all(reader: Reader, packets: Sequence[Packet]) -> list[Read]:
    """Find in every packet a usable alert, one to skip, or why there is none.

    Raises
    ------
    TransientError
        If the schema registry cannot be asked now.
    FatalError
        If this machine is in trouble.
    """
    return [(packet, _outcome(reader, packet)) for packet in packets]


def _outcome(reader: Reader, packet: Packet) -> Outcome:
    try:
        return reader.read(packet)
    except UnknownSchemaError as exc:
        return exc
    except AlertError as exc:
        return dead_letter(packet, exc)
    except Exception as exc:  # one packet must not stop the stream, not even by a mistake of ours
        raise_if_not_poison(exc)
        log.exception("packet broke the decoder", extra={"origin": packet.origin})
        return dead_letter(packet, exc)
