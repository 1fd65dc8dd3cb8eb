"""Workers that annotate exactly once, as their user runs them, between topics of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.broker.streams import PATIENCE_S
from tests.kafka.real_broker import RealBroker
from tests.kafka.worker_process import SCHEMAS, Annotations, subject_of, timeless, varstream

OUR_TOPICS = ("photometry", "changelog", "positions", "classifications", "dead_letters")


@dataclass(frozen=True)
class OnceStage:
    """A survey's topic, our topics, and the settings of workers between them.

    Attributes
    ----------
    name : str
        That is in the names of all topics, and of the groups.
    ours : RealBroker, optional
        Where our topics are, if not at the survey's broker.
    """

    broker: RealBroker
    folder: Path
    name: str
    alerts: str
    ours: RealBroker | None = None
    partitions: int = 4

    @property
    def cluster(self) -> RealBroker:
        """The broker that has our topics."""
        return self.ours or self.broker

    def topic(self, which: str) -> str:
        """Name of one of our topics."""
        return f"{self.name}-{which}"

    @property
    def settings(self) -> Path:
        """The file of settings."""
        path = self.folder / "once.toml"
        session = 'settings = { "session.timeout.ms" = 3000 }'
        own = "" if self.ours is None else f'bootstrap_servers = "{self.ours.plaintext}"\n{session}'
        path.write_text(
            "\n".join(
                (
                    "[kafka]",
                    f'bootstrap_servers = "{self.broker.plaintext}"',
                    f'group_id = "{self.name}"',
                    f'topics = ["{self.alerts}"]',
                    f"patience_s = {PATIENCE_S}",
                    session,
                    "[output]",
                    'format = "json"',
                    own,
                    "[topics]",
                    *(f'{which} = "{self.topic(which)}"' for which in OUR_TOPICS),
                    f"partitions = {self.partitions}",
                    "[decoding]",
                    f'schemas = "{SCHEMAS}"',
                    "[state]",
                    f'path = "{self.folder / "state"}"',
                    "[worker]",
                    'instance = "one"',
                )
            )
        )
        return path

    def make_topics(self) -> None:
        """Make ours."""
        done = varstream("topics", "create", "--config", self.settings)
        assert done.returncode == 0, done.stderr

    def run(self, *changes: str, until_end: bool = True) -> list[str | Path]:
        """Words of a command line that runs a worker."""
        words: list[str | Path] = ["-v", "run", "--config", self.settings]
        if until_end:
            words.append("--until-end")
        for change in changes:
            words += ["--set", change]
        return words

    def published(self) -> tuple[Annotations, int]:
        """What the annotations say, and how many messages there are."""
        messages = self.cluster.read(self.topic("classifications"))
        records = [timeless(json.loads(message.value())) for message in messages]
        return {subject_of(record): record for record in records}, len(records)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Headers of the dead letters."""
        messages = self.cluster.read(self.topic("dead_letters"))
        return [{name: value.decode() for name, value in message.headers()} for message in messages]
