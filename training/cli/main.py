"""The parser of ``varstream-train``: what can be asked, and what a failure prints."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from training.cli.options import (
    PATHS_HELP,
    add_clip,
    add_computing,
    add_first_epochs,
    add_labels,
    add_light_curves,
    add_making,
    add_reading,
    add_together,
    add_workers,
    at_least_two,
    positive,
    positive_number,
    some_text,
)
from training.errors import SettingsError, TrainingError
from training.trust.class_priors import DEFAULT_STRENGTH

TRAINING_PACKAGES = ("torch", "onnx")
PACKAGES_OF_COMMAND = {
    **dict.fromkeys(("features", "predict", "priors"), ("pyarrow",)),
}
"""Packages of the extra that a command needs: most need all of the first."""

CONVENTIONS_BY_NAME = ["robust", "refined", "kim2021"]
"""As in `features.CONVENTIONS`, which --help does not need to load."""

MODEL_HELP = "folder of a model, or the name of a shipped one"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 for success, 1 for unusable data, 2 for wrong settings."""
    arguments = _parser().parse_args(argv)
    try:
        _require(_packages(arguments))
        _run(arguments)
    except TrainingError as exc:
        print(f"varstream-train: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _run(arguments: argparse.Namespace) -> None:
    """Run a command; it takes seconds of imports, which --help does not need."""
    from features.compilation.machine_code import KernelError  # noqa: PLC0415

    try:
        _function(arguments.command)(arguments)
    except KernelError as exc:
        raise TrainingError(str(exc)) from exc


def _function(command: str) -> Callable[[argparse.Namespace], None]:
    if command in ("features", "predict"):
        from training.cli import tables  # noqa: PLC0415 - needs pyarrow

        return {"features": tables.features, "predict": tables.predict}[command]
    if command == "priors":
        from training.cli import priors  # noqa: PLC0415 - needs pyarrow

        return priors.priors
    from training.cli import commands  # noqa: PLC0415

    function: Callable[[argparse.Namespace], None] = getattr(commands, command)
    return function


def _packages(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the packages of the extra that a command needs."""
    if arguments.command == "evaluate":
        return (*(("pyarrow",) if arguments.labels else ()), *(("jinja2",) if arguments.card else ()))
    return PACKAGES_OF_COMMAND.get(arguments.command, TRAINING_PACKAGES)


def _require(packages: Sequence[str]) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(f"{' and '.join(missing)} not installed: pip install 'varstream[training]'")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="varstream-train",
        description="Train, transfer and measure the classifiers that varstream serves.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_import(
        commands.add_parser("import-upsilont", help="make a model of the published UPSILoN-T weights")
    )
    _add_train(commands.add_parser("train", help="train a model from scratch"))
    _add_transfer(commands.add_parser("transfer", help="fit a trained model to other classes or surveys"))
    _add_export(commands.add_parser("export", help="write a model again, renamed or with other limits"))
    _add_reproduce(commands.add_parser("reproduce", help="the paper's tables and figures on public surveys"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a model on labelled light curves, as served"))
    _add_features(commands.add_parser("features", help="write a table of the features of light curves"))
    _add_predict(commands.add_parser("predict", help="write a table of what a model says of light curves"))
    _add_priors(commands.add_parser("priors", help="estimate how frequent classes are in a stream"))
    for sub in commands.choices.values():
        sub.set_defaults(parser=sub)
    return parser


def _add_import(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="import_upsilont")
    sub.add_argument(
        "--weights",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with preprocessing_and_readme_case.json and u_model_state_dict.npz or state_dict.pt",
    )
    sub.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new model folder")


def _add_train(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="train")
    add_light_curves(sub)
    sub.add_argument("--recipe", choices=["standard", "paper"], default="standard", help="(%(default)s)")
    sub.add_argument("--convention", choices=CONVENTIONS_BY_NAME, help="of the features (the recipe's)")
    add_clip(sub)
    add_making(sub)


def _add_transfer(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="transfer", clip_sigma=None, convention=None)
    sub.add_argument(
        "--pretrained", type=Path, required=True, metavar="MODEL", help=f"to start from: {MODEL_HELP}"
    )
    sub.add_argument(
        "--mode",
        choices=["every-layer", "last-layer"],
        help="which layers are fitted (the last with fewer than 800 labelled light curves)",
    )
    add_light_curves(sub)
    sub.add_argument(
        "--observe-as",
        choices=["ztf", "lsst"],
        help="show the stars as this stream would see them; its own light curves stay as they are",
    )
    add_making(sub)


def _add_export(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="export")
    sub.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new model folder")
    sub.add_argument("--name", type=some_text, help="of the model (the same)")
    sub.add_argument("--version", type=some_text, help="of the model (the same)")
    sub.add_argument("--min-epochs", type=positive, metavar="N", help="fewest epochs to score (the same)")
    sub.add_argument(
        "--abstain-below",
        type=float,
        metavar="P",
        help="no label below P, of any class (the same)",
    )
    for option, kind, name, what in (
        ("--fused-min-epochs", positive, "N", "fewest epochs over all bands to answer a star by"),
        ("--fused-abstain-below", float, "P", "no label of a star in several bands below P"),
    ):
        sub.add_argument(option, type=kind, metavar=name, help=f"{what} (the same)")
    sub.add_argument("--weights", type=Path, metavar="FILE", help="write the bare weights to this .npz too")


def _add_reproduce(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="reproduce")
    sub.add_argument(
        "--light-curves", type=Path, required=True, metavar="DIR", help="folder of the surveys' npz files"
    )
    sub.add_argument("--output", type=Path, required=True, metavar="DIR", help="of the report and its plots")
    sub.add_argument(
        "--quick", action="store_true", help="few repeats and training epochs: minutes, no results"
    )
    sub.add_argument("--only", nargs="+", default=[], metavar="NAME", help="experiments (all)")
    sub.add_argument(
        "--repeats", type=positive, metavar="N", help="how often each experiment is repeated (30)"
    )
    sub.add_argument("--training-epochs", type=positive, metavar="N", help="of the paper's loop (500)")
    sub.add_argument(
        "--upsilont", type=Path, metavar="DIR", help="transfer the published weights in this folder (ours)"
    )
    sub.add_argument("--device", default="cpu", help="of PyTorch, such as cuda (%(default)s)")
    add_computing(sub, "finished parts, from which an interrupted run goes on")


def _add_evaluate(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="evaluate")
    sub.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    sub.add_argument(
        "light_curves",
        type=Path,
        nargs="+",
        metavar="LIGHT_CURVES",
        help="one npz file or table, or its bands",
    )
    add_reading(sub)
    add_labels(sub, without_map="the manifest's map for this file's name")
    sub.add_argument(
        "--taxonomy",
        metavar="NAME",
        help="read the labels as names of vsx, simbad, gaia_dr3, alerce, elasticc or tdtax",
    )
    sub.add_argument(
        "--labels",
        type=Path,
        metavar="TABLE",
        help="take labels from this table of stars (object_id, and the column that --label names)",
    )
    sub.add_argument(
        "--by-days",
        action="store_true",
        help="say the mean F1 by days since a star's first epoch as well, of classes as ALeRCE has them",
    )
    add_first_epochs(sub)
    add_workers(sub)
    sub.add_argument("--json", type=Path, required=True, metavar="FILE", help="write the report here")
    sub.add_argument(
        "--card",
        type=some_text,
        metavar="NAME",
        help="state it in the model's card, as the test of this name",
    )


def _add_features(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="features")
    sub.add_argument("light_curves", type=Path, nargs="+", metavar="LIGHT_CURVES", help=PATHS_HELP)
    sub.add_argument("--output", type=Path, required=True, metavar="TABLE", help="a .csv or .parquet file")
    add_reading(sub)
    sub.add_argument(
        "--convention",
        choices=CONVENTIONS_BY_NAME,
        default="robust",
        help="of the features (%(default)s)",
    )
    add_clip(sub)
    add_together(sub)
    add_first_epochs(sub)
    add_computing(sub, "finished parts, from which an interrupted run goes on")


def _add_predict(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="predict")
    sub.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("light_curves", type=Path, nargs="+", metavar="LIGHT_CURVES", help=PATHS_HELP)
    sub.add_argument("--output", type=Path, required=True, metavar="TABLE", help="a .csv or .parquet file")
    add_reading(sub)
    add_first_epochs(sub)
    add_computing(sub, "features, from which an interrupted run goes on")


def _add_priors(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command="priors")
    sub.add_argument("model", type=Path, metavar="MODEL", help=f"that was asked: {MODEL_HELP}")
    sub.add_argument(
        "answers",
        type=Path,
        nargs="+",
        metavar="ANSWERS",
        help="published records (JSON lines, Avro, Parquet), or tables of varstream-train predict",
    )
    sub.add_argument(
        "--survey", choices=["ztf", "lsst"], help="whose stream it is (the model's, or the records')"
    )
    sub.add_argument(
        "--band",
        metavar="BAND",
        help="take answers in this band, or in all together (all, else the one with most epochs)",
    )
    sub.add_argument(
        "--strength",
        type=positive_number,
        default=DEFAULT_STRENGTH,
        metavar="N",
        help="objects that the model's own priors count as (%(default)s)",
    )
    sub.add_argument(
        "--resamples", type=at_least_two, default=100, metavar="N", help="of the bootstrap (%(default)s)"
    )
    sub.add_argument("--seed", type=int, default=0, help="of the bootstrap (%(default)s)")


if __name__ == "__main__":
    sys.exit(main())
