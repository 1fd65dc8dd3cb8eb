"""The watchdog: a step that hangs ends the process, one that returns does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from broker.supervise.watchdog import Watchdog


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ended():
    return []


@pytest.fixture
def watchdog(clock, ended):
    return Watchdog(end=ended.append, clock=clock)


def test_a_step_that_is_overdue_ends_the_process(watchdog, clock, ended, capsys):
    with watchdog.over("commit_transaction", at_most_s=30.0):
        clock.now_s = 30.0
        watchdog.look()
        assert ended == []
        clock.now_s = 30.1
        watchdog.look()
    assert ended == [1]
    assert "commit_transaction has not returned for 30 s" in capsys.readouterr().err


def test_time_between_steps_does_not_count(watchdog, clock, ended):
    for _ in range(10):
        with watchdog.over("a batch", at_most_s=30.0):
            clock.now_s += 20.0
            watchdog.look()
        clock.now_s += 100.0
        watchdog.look()
    assert ended == []


def test_a_step_within_a_step_may_have_less_time_and_not_more(watchdog, clock, ended):
    with watchdog.over("a batch", at_most_s=60.0):
        with watchdog.over("send_offsets", at_most_s=10.0):
            clock.now_s = 11.0
            watchdog.look()
        assert ended == [1]
        with watchdog.over("flush", at_most_s=600.0):
            clock.now_s = 61.0
            watchdog.look()
    assert ended == [1, 1]


def test_a_process_whose_main_thread_hangs_is_gone():
    code = (
        "import threading\n"
        "from broker.supervise.watchdog import Watchdog\n"
        "dog = Watchdog(); dog.start()\n"
        "with dog.over('a call', at_most_s=0.1): threading.Event().wait()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a call has not returned for 0.1 s" in done.stderr
