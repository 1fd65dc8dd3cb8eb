"""``varstream run``: the stages of a worker, made as its settings say, and run."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from threading import Event

from broker.cli.signals import stop_on_signal
from broker.errors import StoppedError
from broker.monitor.console import Console
from broker.monitor.counts import Counts
from broker.monitor.metrics import Metrics
from broker.settings.config import Config
from broker.stages.at_least_once import at_least_once
from broker.stages.exactly_once import exactly_once
from broker.stages.tools import Tools
from broker.supervise.processes import Processes, worker_commands
from broker.worker import run


def run_processes(config: Config, words: Sequence[str]) -> None:
    """Have some workers share this machine until a signal comes, or all have ended in order.

    Raises
    ------
    ConfigError
        If one of them refuses its settings.
    """
    stop = Event()
    stop_on_signal(stop)
    instance = config.worker.instance or socket.gethostname()
    commands = worker_commands(words, instance=instance, n=config.worker.processes, port=config.metrics.port)
    Processes(commands, stop).run()


def run_stages(config: Config, *, until_end: bool, remade: Collection[str]) -> None:
    """Annotate a stream until a signal comes, or to the end of its topics.

    Raises
    ------
    ConfigError
        If the settings cannot work.
    FatalError
        If going on could lose data.
    """
    metrics = None
    if config.metrics.port is not None:
        metrics = Metrics()
        metrics.serve(config.metrics.port, address=config.metrics.address)
    tools = Tools(config, until_end, remade, Event(), Console(), Counts(), Counts(), metrics)
    parts = at_least_once if config.worker.delivery == "at_least_once" else exactly_once
    with ExitStack() as open_parts:
        stages = parts(tools, open_parts)
        tools.console.say(f"reading {', '.join(config.kafka.topics)} from {config.kafka.bootstrap_servers}")
        stop_on_signal(tools.stop)
        try:
            run(*stages, stop=tools.stop)
        except StoppedError as exc:
            tools.console.say(f"{exc}: what was at hand is done at the next start")
        finally:
            if tools.packets.alerts_in:
                tools.console.say(f"packets: {tools.packets.incoming}")
            if config.worker.stage != "ingest":
                tools.console.say(str(tools.counts))
