"""The command ``varstream``: what can be asked, and what a failure prints."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from broker import __version__
from broker.cli.signals import end_on_sigterm
from broker.errors import ConfigError, VarstreamError, describe, in_one_line
from broker.monitor.logs import setup_logging

log = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_MISUSED = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 for success, 1 for a failure on the way, 2 for wrong settings."""
    arguments = _parser().parse_args(argv)
    setup_logging(verbose=arguments.verbose)
    if arguments.command == "run_worker":
        end_on_sigterm()
    from broker.cli import commands  # noqa: PLC0415 - half a second of kernels that --help does not need

    try:
        code: int = getattr(commands, arguments.command)(arguments)
        if sys.__stdout__ is not None:  # it may be closed
            sys.stdout.flush()
    except ConfigError as exc:
        print(f"varstream: {in_one_line(str(exc))}", file=sys.stderr)
        return EXIT_MISUSED
    except VarstreamError as exc:
        print(f"varstream: {in_one_line(str(exc))}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of our output has seen enough, as in `varstream classify ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as exc:
        log.info("unexpected", exc_info=exc)
        more = "" if arguments.verbose else "; -v shows where it came from"
        print(f"varstream: unexpected trouble: {describe(exc)}{more}", file=sys.stderr)
        return EXIT_FAILED
    else:
        return code


class _Parser(argparse.ArgumentParser):
    """A parser whose errors repeat options and no values: one of ``--set`` may be a password."""

    def error(self, message: str) -> NoReturn:
        """See `ArgumentParser.error`."""
        super().error(re.sub(r"=.*?(?= \(choose from|$)", "=...", message, flags=re.DOTALL))

    def parse_args(self, *given: Any, **more: Any) -> Any:
        """See `ArgumentParser.parse_args`."""
        arguments, unknown = self.parse_known_args(*given, **more)
        options = [word.partition("=")[0] for word in unknown if re.match(r"--?[A-Za-z]", word)]
        if options:
            self.error(f"unrecognized options: {', '.join(options)}")
        if unknown:
            self.error(
                f"arguments that belong to no option: {len(unknown)}; a value with spaces needs quotes"
            )
        return arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="varstream", description="Variable-star classes for every alert of a ZTF or LSST stream."
    )
    parser.add_argument("--version", action="version", version=f"varstream {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens on the way")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sub = commands.add_parser("demo", help="classify simulated stars through an in-process broker")
    sub.set_defaults(command="demo")
    sub.add_argument("--seconds", type=_positive(float), help="stop streaming after this time")
    sub.add_argument("--objects", type=_positive(int), default=60, help="stars to simulate (%(default)s)")
    sub.add_argument("--seed", type=int, default=1, help="of the simulated sky (%(default)s)")
    _add_model(sub)

    sub = commands.add_parser("classify", help="classify alert packets in files, without a broker")
    sub.set_defaults(command="classify")
    _add_paths(sub)
    _add_model(sub)
    _add_schemas(sub)
    sub.add_argument("--output", type=Path, metavar="FILE", help="write here instead of standard output")
    sub.add_argument("--format", choices=["jsonl", "avro"], default="jsonl", help="(%(default)s)")
    sub.add_argument(
        "--light-curves",
        type=Path,
        metavar="FILE",
        help="write the light curves as they are at the end, as .csv or .parquet",
    )
    sub.add_argument("--counts", type=Path, metavar="FILE", help="write what became of the alerts as JSON")
    sub.add_argument(
        "--dead-letters", type=Path, metavar="FILE", help="write why packets were unreadable, as JSON lines"
    )
    sub.add_argument(
        "--min-epochs", type=_positive(int), metavar="N", help="score a band from N epochs on (the model's)"
    )
    sub.add_argument(
        "--records",
        choices=["both", "bands", "fused"],
        default="both",
        help="of single bands, or of all bands of a star together (%(default)s)",
    )
    sub.add_argument(
        "--programid",
        type=int,
        action="append",
        metavar="P",
        help="use only this ZTF programme (repeatable; all)",
    )

    sub = commands.add_parser("run", help="annotate a stream: the worker")
    sub.set_defaults(command="run_worker")
    _add_config(sub)
    _add_model(sub)
    sub.add_argument(
        "--until-end", action="store_true", help="stop at the end of the topics instead of waiting"
    )
    sub.add_argument(
        "--remade-topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help="if TOPIC is not the one that the store has read, but made anew: read it from its beginning "
        "(repeatable)",
    )

    topics = commands.add_parser("topics", help="make our topics on the cluster, or see that they are right")
    kinds = topics.add_subparsers(required=True, metavar="WHAT")
    for what, told in (("create", "make those that are missing"), ("check", "say what is wrong with them")):
        sub = kinds.add_parser(what, help=told)
        sub.set_defaults(command=f"topics_{what}")
        _add_config(sub)

    _add_listen(commands.add_parser("listen", help="show annotations as they come"))

    sub = commands.add_parser("replay", help="feed alert packets from files to a topic")
    sub.set_defaults(command="replay")
    _add_paths(sub)
    _add_config(sub)
    sub.add_argument("--topic", required=True, help="topic to write to")
    sub.add_argument("--bootstrap-servers", metavar="HOST:PORT", help="(those of the settings)")
    sub.add_argument(
        "--rate", type=_positive(float), metavar="N", help="packets per second (as fast as possible)"
    )

    _add_explain(
        commands.add_parser("explain", help="say which features speak for and against an object's label")
    )

    sub = commands.add_parser("warm", help="compile ahead what the first start would, and keep it")
    sub.set_defaults(command="warm")

    _add_picture(
        commands.add_parser("picture", help="draw a simulated star being classified as epochs arrive (SVG)")
    )
    return parser


def _add_listen(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="listen_to")
    _add_config(sub)
    sub.add_argument("--class", dest="label", metavar="CLASS", help="only those with this label")
    sub.add_argument(
        "--min-probability",
        type=_share,
        default=0.0,
        metavar="P",
        help="of the most probable class, at least",
    )
    sub.add_argument("--cone", type=_cone, metavar="RA,DEC,R", help="only those so near to a place [deg]")
    sub.add_argument("--json", action="store_true", help="whole records, one a line")
    sub.add_argument("--from-beginning", action="store_true", help="with those that there are already")
    sub.add_argument("--until-end", action="store_true", help="stop at the end instead of waiting")


def _add_picture(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="picture")
    sub.add_argument("--output", type=Path, default=Path("light-curve.svg"), help="(%(default)s)")
    sub.add_argument("--star", default="RRL_ab", help="its true class (%(default)s)")
    sub.add_argument("--seed", type=int, default=1, help="of the star and its cadence (%(default)s)")
    _add_model(sub)


def _add_explain(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="explain")
    sub.add_argument("object", metavar="OBJECT_ID", help="its id, or survey:id where two surveys have it")
    source = sub.add_mutually_exclusive_group(required=True)
    source.add_argument("--files", type=Path, nargs="+", metavar="PATH", help="packets, as classify reads")
    source.add_argument("--state", type=Path, metavar="STORE", help="of a worker, or a folder of such")
    _add_model(sub)
    _add_schemas(sub)
    sub.add_argument("--band", help="a band, or all (all where the model says that, or that of most epochs)")
    sub.add_argument("--svg", type=Path, metavar="FILE", help="draw it, too")


def _add_paths(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="a packet file, also gzipped, a tar archive of them, or a folder of either",
    )


def _add_schemas(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--schemas",
        metavar="DIR_OR_URL",
        help="LSST schemas: a registry's URL, a folder of <id>.avsc, or of the package lsst.alert.packet",
    )


def _add_model(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--model",
        type=Path,
        help="folder of a model, or the name of a shipped one (for each survey the one shipped for it)",
    )


def _add_config(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.NAME=VALUE",
        help="one setting, over the file's",
    )


def _share(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, got {text}")
    return value


def _cone(text: str) -> tuple[float, float, float]:
    """Argument type: a place on the sky and a radius [deg]."""
    try:
        ra, dec, radius = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be RA,DEC,R in degrees, got {text}") from None
    if not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0 and 0.0 < radius <= 180.0):
        raise argparse.ArgumentTypeError(f"no such cone: {text}; RA 0 to 360, DEC -90 to 90, R above 0")
    return ra, dec, radius


def _positive(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    """Argument type: a number above zero."""

    def parse(text: str) -> int | float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be > 0, got {text}")
        return value

    parse.__name__ = "number"  # argparse names the type when the text is no number
    return parse


if __name__ == "__main__":
    sys.exit(main())
