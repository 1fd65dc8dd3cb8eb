"""The budget of a packet: how much work one message may make, whatever its bytes say.

A few kilobytes can announce millions of values, types or inflated bytes. Each is counted as it is made, and
what goes over its limit is a dead letter of one reason, `TOO_LARGE`. The limits are a multiple of what the
surveys' own packets need; the most that was seen stands beside each.
"""

from __future__ import annotations

from broker.errors import AlertError

TOO_LARGE = "too_large"

MAX_SCHEMA_BYTES = 2**20
"""Of a schema's JSON. The largest of LSST has 123 kB with its documentation, ZTF's have 27 kB."""

MAX_HEADER_BYTES = 2 * MAX_SCHEMA_BYTES
"""Of a container before its first block, of which the schema is nearly all."""

MAX_HEADER_ENTRIES = 1000
"""Of a container's metadata. There are two: the schema and the compression."""

MAX_TYPES = 10_000
"""In a schema, each as often as it is referred to. LSST 7.4 has 1,252, ZTF 4.02 has 513."""

MAX_DEPTH = 32
"""Of types within types. Alerts nest five deep."""

MAX_NAME_CHARACTERS = 1000
"""Of a type's name with its namespace: types inside inherit it. LSST has 47."""

MAX_FIXED_BYTES = 2**24
"""Of a type of fixed width. Alerts have none."""

MAX_ITEMS = 10_000_000
"""Values in arrays and maps, made or passed over. A deep-drilling alert of LSST has 132,000."""

MAX_ROWS = 2**15
"""Detections and forced measurements of an alert. Deep-drilling alerts have up to 2,205 together."""

MAX_INFLATED_BYTES = 2**24
"""Of a compressed message. A deep-drilling alert of LSST has 500 kB."""


def over_budget(what: str) -> AlertError:
    """Return the error for a packet that would make more work than any survey's."""
    return AlertError(TOO_LARGE, what)
