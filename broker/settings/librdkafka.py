"""Settings of librdkafka: which of them are not a user's to give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.errors import ConfigError

_OFFSETS = "offsets are committed when a batch is stored, and read from the store"
_RESERVED = {
    "group.id": "use kafka.group_id",
    "enable.auto.commit": _OFFSETS,
    "auto.commit.enable": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "auto.offset.reset": f"{_OFFSETS}; a partition that is not in it is read from its beginning",
    "enable.partition.eof": "use --until-end",
}
_FIXED = {
    "isolation.level": "read_committed",  # else alerts that their sender took back would be annotated
    "group.protocol": "classic",  # the other one gives and takes single partitions
}

_SESSION, _HEARTBEAT = "session.timeout.ms", "heartbeat.interval.ms"
_DEFAULT_SESSION_MS = 10_000
_LONGEST_HEARTBEAT_MS = 3_000
_HEARTBEATS = 3  # of a session


def session_ms(settings: Mapping[str, Any]) -> int:
    """Return the time after which a member of the group that is silent is taken out of it [ms]."""
    return int(settings.get(_SESSION, _DEFAULT_SESSION_MS))


def heartbeat_ms(settings: Mapping[str, Any]) -> int:
    """Return how often a member of the group says that it lives [ms]: a part of its session.

    librdkafka's own default is the same for every session: one that is shorter would end between two
    heartbeats, and a living worker be taken out of its group while another comes in.
    """
    longest = min(_LONGEST_HEARTBEAT_MS, session_ms(settings) // _HEARTBEATS)
    return int(settings.get(_HEARTBEAT, max(1, longest)))


def check_librdkafka_settings(section: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that librdkafka could not be given, or that say again what ours say.

    Raises
    ------
    ConfigError
        By the name of the setting; its value may be a password.
    """
    for name, value in settings.items():
        if name in ("bootstrap.servers", "metadata.broker.list"):
            raise ConfigError(f"{section}.settings: give {name} as {section}.bootstrap_servers")
        if not isinstance(value, str | int | float):
            raise ConfigError(
                f"{section}.settings: {name} must be text, a number, true or false; "
                'a name with a dot is written in quotes: "sasl.password" = ...'
            )


def check_consumer_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings by which alerts could be lost.

    Raises
    ------
    ConfigError
        By the name of the setting, with what to do.
    """
    for name, remedy in _RESERVED.items():
        if name in settings:
            raise ConfigError(f"kafka.settings: {name} is not yours to set: {remedy}")
    for name, value in _FIXED.items():
        if str(settings.get(name, value)) != value:
            raise ConfigError(f"kafka.settings: {name} must be {value!r} or left out")
    strategy = str(settings.get("partition.assignment.strategy", "range"))
    if "cooperative" in strategy:
        raise ConfigError(f"kafka.settings: partition.assignment.strategy {strategy!r} is not supported")
    for name in (_SESSION, _HEARTBEAT):
        if not str(settings.get(name, 1)).isdecimal():
            raise ConfigError(f"kafka.settings: {name} must be a whole number, got {settings[name]!r}")
    if heartbeat_ms(settings) >= session_ms(settings):
        raise ConfigError(
            f"kafka.settings: {_HEARTBEAT} ({heartbeat_ms(settings)}) must be less than {_SESSION} "
            f"({session_ms(settings)}), or the group takes this worker out; left out, it is a third"
        )
