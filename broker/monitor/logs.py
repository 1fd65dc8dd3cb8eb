"""Log lines: an event and its fields, short and fixed, so that they can be counted."""

from __future__ import annotations

import logging

from broker.errors import in_one_line

_PLAIN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """A log line is an event and its fields: ``12:00:00 WARNING trying again reason=... wait_s=0.2``."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        extra = {k: v for k, v in record.__dict__.items() if k not in _PLAIN_FIELDS}
        event = record.getMessage() + "".join(f" {name}={value}" for name, value in extra.items())
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname} {in_one_line(event)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def setup_logging(*, verbose: bool) -> None:
    """Send our log lines to standard error: warnings, or everything from information on."""
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter())
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)
