"""What others wrote, packets and servers, and what of it may be shown."""

from __future__ import annotations

import logging

import pytest

from broker.cli import commands
from broker.cli.main import EXIT_FAILED, main
from broker.errors import FatalError, describe, in_one_line
from broker.monitor.logs import EventFormatter

HOSTILE = "503 S\x1b[31m\r\n12:00:00 WARNING all is well\t\u202eend\x85\u2028."
SHOWN = "503 S\\x1b[31m 12:00:00 WARNING all is well \\u202eend ."


def test_text_is_shown_in_one_line_without_what_a_terminal_obeys():
    assert in_one_line(HOSTILE) == SHOWN
    assert in_one_line("étoile à 12\u2033, 变星") == "étoile à 12\u2033, 变星"
    assert describe(ValueError(HOSTILE)) == f"ValueError: {SHOWN}"


def test_a_log_line_stays_one_whatever_it_tells():
    record = logging.makeLogRecord({"levelname": "WARNING", "msg": "trying again", "reason": HOSTILE})
    line = EventFormatter().format(record)
    assert line.endswith(f" WARNING trying again reason={SHOWN}")
    assert line.isprintable()


def test_an_error_is_told_in_one_line(monkeypatch, capsys):
    def fail(arguments: object) -> int:
        raise FatalError(HOSTILE)

    monkeypatch.setattr(commands, "warm", fail)
    assert main(["warm"]) == EXIT_FAILED
    assert capsys.readouterr().err == f"varstream: {SHOWN}\n"


@pytest.mark.parametrize("text", ["", "plain"])
def test_plain_text_is_shown_as_it_is(text):
    assert in_one_line(text) == text
