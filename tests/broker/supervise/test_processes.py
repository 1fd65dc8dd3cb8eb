"""Workers of one machine: started again where they fail, ended together, and never without their starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from broker.errors import ConfigError
from broker.supervise import processes
from broker.supervise.processes import Processes, worker_commands
from tests.kafka.real_broker import until


def script(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


APPEND = "import sys, time; open(sys.argv[1], 'a').write('x'); "


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(processes, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(processes._Child, "pause_s", 0.0, raising=False)


def test_who_ends_in_order_is_done_and_who_fails_is_started_again(tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    fails_twice = APPEND + "sys.exit(1 if len(open(sys.argv[1]).read()) < 3 else 0)"
    Processes([script(APPEND, good), script(fails_twice, bad)], threading.Event()).run()
    assert (good.read_text(), bad.read_text()) == ("x", "xxx")


def test_refused_settings_end_all_of_them(tmp_path):
    lasting = tmp_path / "lasting"
    waits = APPEND + "time.sleep(1000)"
    refuses = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\nsys.exit(2)"
    with pytest.raises(ConfigError, match="a worker refused its settings"):
        Processes([script(waits, lasting), script(refuses, lasting)], threading.Event()).run()


def test_told_to_stop_all_are_asked_to_end(tmp_path):
    stop, started, asked = threading.Event(), tmp_path / "started", tmp_path / "asked"
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[2], 'w').close(), sys.exit(0)))\n"
        "open(sys.argv[1], 'w').close()\n"
        "while True: time.sleep(0.1)\n"
    )
    thread = threading.Thread(target=Processes([script(code, started, asked)], stop).run)
    thread.start()
    until(started.exists)
    stop.set()
    thread.join()
    assert asked.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone does this")
def test_workers_do_not_outlive_a_starter_that_is_killed(tmp_path):
    pid = tmp_path / "pid"
    waits = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    starter = (
        "import sys, threading\n"
        "from broker.supervise.processes import Processes\n"
        f"Processes([[sys.executable, '-c', {waits!r}]], threading.Event()).run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter]) as process:
        until(lambda: pid.exists() and pid.read_text() != "")
        process.send_signal(signal.SIGKILL)
        process.wait()
    child = int(pid.read_text())
    until(lambda: not _is_alive(child))


def test_each_worker_has_a_name_and_a_port_of_its_own():
    first, second = worker_commands(["run", "--until-end"], instance="host", n=2, port=9100)
    assert first[3:5] == ["run", "--until-end"]
    assert "worker.instance=host-0" in first
    assert {"worker.instance=host-1", "metrics.port=9101", "worker.processes=1"} <= set(second)
    assert not any("metrics" in word for word in worker_commands([], instance="h", n=1, port=None)[0])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"
