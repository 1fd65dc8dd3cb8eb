"""Workers as processes that can be killed, paused and listened to."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.kafka.real_broker import ROOT, RealBroker

SESSION_S = 3.0
_SERVING = re.compile(r"serving a partition partition=(\d+)")
_TAKEN = re.compile(r"partitions were taken from this worker partitions=\[([\d, ]*)\]")


@dataclass(frozen=True)
class Field:
    """Where chaos happens: a broker, topics, and the settings of all workers."""

    broker: RealBroker
    folder: Path
    partitions: int

    @property
    def settings(self) -> Path:
        """The file of them, made at the first call."""
        path = self.folder / "worker.toml"
        if not path.exists():
            path.write_text(
                f"""
[kafka]
bootstrap_servers = "{self.broker.plaintext}"
group_id = "chaos"
topics = ["alerts-{{utc_date}}"]
nights = 3
patience_s = 120.0
settings = {{ "session.timeout.ms" = {int(1000 * SESSION_S)} }}

[topics]
partitions = {self.partitions}

[output]
format = "json"

[decoding]
schemas = "{ROOT / "schemas" / "simulator"}"

[state]
path = "{self.folder / "state"}"
"""
            )
        return path

    def varstream(self, *words: str) -> None:
        """Run a command with these settings to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "broker.cli.main", *words, "--config", self.settings],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")


@dataclass
class Worker:
    """One worker, started again under its name whenever it ends."""

    field: Field
    name: str
    batch_size: int = 64
    serving: set[int] = field(default_factory=set)
    served_at: list[tuple[float, int]] = field(default_factory=list)
    starts: int = 0
    codes: list[int] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    listening: threading.Thread | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            self.codes.append(self.process.returncode)
        self.serving.clear()
        self.starts += 1
        words = ["-v", "run", "--config", str(self.field.settings)]
        for change in (f"worker.instance={self.name}", f"worker.batch_size={self.batch_size}"):
            words += ["--set", change]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "broker.cli.main", *words], stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.listening = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self.listening.start()

    @property
    def ended(self) -> bool:
        """Whether it is not running."""
        return self.process is None or self.process.poll() is not None

    def kill(self) -> set[int]:
        """End it as a power cut would; the partitions that it served."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        return set(self.serving)

    def close(self) -> None:
        """End it for good, and hear its last words."""
        if self.process is not None and self.listening is not None:
            self.process.kill()
            self.process.wait()
            self.listening.join()

    def pause(self, seconds: float) -> None:
        """Have it stand still, as a machine does that swaps or migrates."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with (self.field.folder / f"{self.name}.log").open("a") as log, process.stderr as said:
            for line in said:
                log.write(line)
                log.flush()
                if found := _SERVING.search(line):
                    self.serving.add(int(found[1]))
                    self.served_at.append((time.monotonic(), int(found[1])))
                elif found := _TAKEN.search(line):
                    self.serving -= {int(number) for number in found[1].split(",") if number.strip()}
