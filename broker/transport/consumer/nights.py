"""Nights: which topics a name with a date stands for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta


def resolve_topics(templates: Sequence[str], now: datetime, *, nights: int = 2) -> list[str]:
    """Literal topic names: ``{utc_date}`` becomes the dates of the latest nights, today's last.

    A regular expression would also match nights that the survey has expired but still advertises.
    """
    days = [(now - timedelta(days=d)).strftime("%Y%m%d") for d in reversed(range(nights))]
    names = []
    for template in templates:
        names += (
            [template.replace("{utc_date}", day) for day in days] if "{utc_date}" in template else [template]
        )
    return names
