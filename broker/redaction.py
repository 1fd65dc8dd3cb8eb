"""What may be shown of settings that can hold a password: addresses, and other people's words about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_HIDDEN = "***"
_SHORTEST_SECRET = 4  # shorter ones are in every text, and protect nothing
_SECRET_NAME = re.compile(r"passw|secret|token|credential|jaas|assertion|\.pem$|\.key$|oauthbearer\.config")


def without_password(address: str) -> str:
    """Return `address` less what may be secret in it: user and password before its host, query, fragment.

    The host is taken to begin behind the last ``@``, for a password can hold any character.

    Parameters
    ----------
    address : str
        A URL, or anything that was given in the place of one.
    """
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address)
    start = scheme[0] if scheme else ""
    host_and_path = address[len(start) :].rpartition("@")[2]
    return start + re.split(r"[?#]", host_and_path, maxsplit=1)[0]


def secret_values(settings: Mapping[str, Any]) -> list[str]:
    """Values of the settings whose names say that they are secret."""
    return [str(value) for name, value in settings.items() if _SECRET_NAME.search(name)]


def without_values(text: str, values: Iterable[object]) -> str:
    """Return `text` with asterisks in the place of `values` and of the words in them."""
    words = {word for value in values for word in (str(value), *re.split(r"[\s,;=]+", str(value)))}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_SECRET:
            text = text.replace(word, _HIDDEN)
    return text
