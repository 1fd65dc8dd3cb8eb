"""The commands of `varstream-train`, from parsed arguments to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import SettingsError
from training.evaluate import evaluate as measure_model
from training.evaluate import write_report
from training.labels import read_class_map

if TYPE_CHECKING:
    from training.build import Job
    from training.dataset import Source
    from training.recipe import Recipe

# What needs torch is imported inside the commands: `evaluate` runs where only the worker is installed.


def evaluate(arguments: argparse.Namespace) -> None:
    """``varstream-train evaluate``: write the report and print its headline."""
    report = measure_model(
        arguments.model,
        arguments.light_curves,
        label_key=arguments.label,
        class_map=read_class_map(arguments.class_map) if arguments.class_map else None,
        first_epochs=arguments.first_epochs,
    )
    write_report(arguments.json, report)
    print(
        f"{report['light_curves']}: Mc {report['mc']:.4f} +- {report['mc_error']:.4f}, "
        f"accuracy {report['accuracy']:.4f}, {report['n']} stars, {report['n_unscored']} of them unscored, "
        f"{report['n_left_out']} left out"
    )


def import_upsilont(arguments: argparse.Namespace) -> None:
    """``varstream-train import-upsilont``."""
    from training.upsilont import import_upsilont as import_model  # noqa: PLC0415

    manifest = import_model(arguments.weights, arguments.output)
    print(
        f"{manifest.name} {manifest.version} {len(manifest.classes)} classes, written to {arguments.output}"
    )


def train(arguments: argparse.Namespace) -> None:
    """``varstream-train train``."""
    from training import build  # noqa: PLC0415
    from training.recipe import RECIPES  # noqa: PLC0415

    _announce(arguments, build.train(_job(arguments, RECIPES[arguments.recipe])).metrics)


def transfer(arguments: argparse.Namespace) -> None:
    """``varstream-train transfer``."""
    from training import build  # noqa: PLC0415
    from training.recipe import TRANSFER  # noqa: PLC0415
    from training.transfer import Mode  # noqa: PLC0415

    manifest = build.transfer(_job(arguments, TRANSFER), arguments.pretrained, Mode(arguments.mode))
    _announce(arguments, manifest.metrics)


def _announce(arguments: argparse.Namespace, metrics: Mapping[str, Any]) -> None:
    full = metrics["all_surveys"]["all"]
    print(
        f"{arguments.name} {arguments.version} written to {arguments.output}: Mc {full['mc']:.4f} "
        f"+- {full['mc_error']:.4f} on {full['n']} test light curves"
    )


def _job(arguments: argparse.Namespace, recipe: Recipe) -> Job:
    from training.build import Job  # noqa: PLC0415
    from training.feature_table import default_workers  # noqa: PLC0415

    return Job(
        sources=_sources(arguments),
        recipe=_adjusted(recipe, arguments),
        name=arguments.name,
        version=arguments.version,
        output=arguments.output,
        command=_command(sys.argv[1:]),
        seed=arguments.seed,
        cache_folder=arguments.cache,
        workers=arguments.workers or default_workers(),
    )


def _sources(arguments: argparse.Namespace) -> list[Source]:
    from training.dataset import known_source, own_source  # noqa: PLC0415

    class_map = read_class_map(arguments.class_map) if arguments.class_map else None
    paths = [file for path in arguments.light_curves for file in _files(path)]
    if arguments.label is None:
        sources = [known_source(path) for path in paths]
        return sources if class_map is None else [replace(s, label_map=class_map) for s in sources]
    return [own_source(path, arguments.label, class_map) for path in paths]


def _files(path: Path) -> list[Path]:
    """Return the file, or the npz files of a folder by name."""
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.npz"))
    if not files:
        raise SettingsError(f"no *.npz in the folder {path}")
    return files


def _adjusted(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """Return the recipe with what the user asked for instead."""
    if arguments.training_epochs is not None:
        schedule = replace(recipe.schedule, training_epochs=arguments.training_epochs)
        recipe = replace(recipe, schedule=schedule)
    if arguments.truncations is not None:
        recipe = replace(recipe, sampling=replace(recipe.sampling, truncations=arguments.truncations))
    if arguments.clip_sigma is not None:
        recipe = replace(recipe, extraction=replace(recipe.extraction, clip_sigma=arguments.clip_sigma))
    return recipe


def _command(words: list[str]) -> str:
    """Return the command as given, without what differs between machines and changes nothing."""
    kept = []
    for word, before in zip(words, ["", *words], strict=False):
        if not {word, before} & {"--cache", "--workers"}:
            elsewhere = Path(word).is_absolute() or word.startswith("..")
            kept.append(Path(word).name if elsewhere else word)
    return " ".join(["varstream-train", *kept])
