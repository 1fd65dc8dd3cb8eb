"""The reading of settings: defaults, then TOML, then environment, then ``--set``."""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from broker.errors import ConfigError
from broker.settings.config import Config

ENVIRONMENT_PREFIX = "VARSTREAM_"
MAX_SETTINGS_BYTES = 2**20

_MOVED = {"output.topic": "topics.classifications", "output.dead_letter_topic": "topics.dead_letters"}
_NAME = re.compile(r"[\w.-]+")
_MAY_BE_SECRET = ("settings", "servers", "registry", "schemas")


def load_config(
    path: Path | None, *, environment: Mapping[str, str] = os.environ, overrides: Sequence[str] = ()
) -> Config:
    """Read settings from a TOML file, the environment and the command line, later ones winning.

    An environment variable is ``VARSTREAM_SECTION__NAME``, an override ``section.name=value``; their values
    are read as TOML where they are TOML (``3``, ``true``, ``["a"]``, ``{a = 1}``), as plain text otherwise.
    Settings for librdkafka from different places add up: ``kafka.settings.sasl.password=...``.

    No error repeats text that was given in the place of something else: it may be a password.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a name or value is wrong; the message suggests the right one.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            with path.open("rb") as file:
                tree = _toml(file.read(MAX_SETTINGS_BYTES + 1))
        except OSError as exc:
            raise ConfigError(f"cannot read the settings {path}: {exc.strerror or exc}") from exc
        except ValueError as exc:  # not UTF-8, not TOML, or a number of more digits than Python reads
            raise ConfigError(f"the settings {path} are not TOML: {exc}") from exc
    for name, text in sorted(environment.items()):
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and separator:
            _put(tree, section, key, text)
        elif f"{name}_".startswith(tuple(f"{ENVIRONMENT_PREFIX}{f.name.upper()}_" for f in fields(Config))):
            raise ConfigError(f"environment variable {name}: two underscores go between section and name")
    for override in overrides:
        name, equals, text = override.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot or not _NAME.fullmatch(name.strip()):
            given = f"--set {name}=..." if equals and _NAME.fullmatch(name) else "what --set was given"
            raise ConfigError(f"{given} is not of the form section.name=value")
        _put(tree, section, key, text.strip())
    return cast(Config, _build(Config, tree, ""))


def _put(tree: dict[str, Any], section: str, key: str, text: str) -> None:
    table = tree.setdefault(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{section} must be a table of settings, got {_kind_of(table)}")
    if key.startswith("settings."):  # librdkafka reads text; a password may look like a number
        value: Any = {key.removeprefix("settings."): text}
        key = "settings"
    else:
        value = _toml_or_text(text)
    former = table.get(key)
    if key == "settings" and isinstance(value, dict) and isinstance(former, dict):
        table[key] = {**former, **value}
    else:
        table[key] = value


def _toml(data: bytes) -> dict[str, Any]:
    """Parse settings that may be anything; what they are not is a ValueError."""
    if len(data) > MAX_SETTINGS_BYTES:
        raise ValueError(f"more than {MAX_SETTINGS_BYTES} bytes")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("values are nested too deeply") from None


def _toml_or_text(text: str) -> Any:
    try:
        return _toml(f"value = {text}".encode())["value"]
    except ValueError:
        return text


def _build(kind: Any, tree: object, where: str) -> object:
    """Make the dataclass `kind` from a table, recursively."""
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{where} must be a table of settings, got {_kind_of(tree)}")
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    for name in tree:
        if _join(where, name) in _MOVED:
            raise ConfigError(f"{_join(where, name)} is {_MOVED[_join(where, name)]} now")
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
            raise ConfigError(f"unknown setting {_join(where, name)}: {hint}")
    arguments = {name: _value(hints[name], value, _join(where, name)) for name, value in tree.items()}
    for f in fields(kind):
        # A section that must be given explains itself what it lacks.
        if f.name not in arguments and is_dataclass(hints[f.name]):
            arguments[f.name] = _build(hints[f.name], {}, _join(where, f.name))
    return kind(**arguments)


def _value(hint: Any, value: Any, where: str) -> Any:
    """Check one value against its type hint; lists become tuples, text becomes a path."""
    origin, args = get_origin(hint), get_args(hint)
    if type(None) in args:
        hint = next(a for a in args if a is not type(None))
        origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return _build(hint, value, where)
    if origin is Literal and value in args:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_value(args[0], item, where) for item in value)
    if origin is Mapping and isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    if isinstance(hint, type):
        if hint is Path and isinstance(value, str):
            return Path(value).expanduser()
        if hint is float and type(value) is int and value.bit_length() < sys.float_info.max_exp:
            return float(value)
        if type(value) is hint:  # not isinstance: true is no number
            return value
    plain = isinstance(value, int | float) and not where.endswith(_MAY_BE_SECRET)
    raise ConfigError(f"{where} must be {_spell(hint)}, got {value if plain else _kind_of(value)}")


def _kind_of(value: object) -> str:
    """Name what was given without repeating it."""
    kinds: dict[str, Any] = {
        "a table": Mapping,
        "a list": list,
        "text": str,
        "true or false": bool,
        "a number": int | float,
    }
    return next((name for name, kind in kinds.items() if isinstance(value, kind)), "a date or time")


def _spell(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    return words.get(hint, "a list" if get_origin(hint) is tuple else "a table")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
