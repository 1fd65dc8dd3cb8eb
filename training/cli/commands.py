"""The commands of `varstream-train`, from parsed arguments to files."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.model.shipped import find_model
from training.cli.files import columns_of, files_of
from training.cli.stated_command import stated_command
from training.data.join_bands import check_file_names, surveys_of
from training.data.labels import read_class_map
from training.data.light_curves import Columns, is_table, survey_name
from training.data.read import check_file
from training.errors import SettingsError
from training.examples.cached_pool import default_workers
from training.measure.evaluate import evaluate as measure_model
from training.measure.evaluate import load_artifact, write_report
from training.progress import Bars
from training.surveys.public import SURVEYS

if TYPE_CHECKING:
    from training.build import Job
    from training.crossfit.labelled_file import LabelledFile
    from training.crossfit.recipe import Recipe

# What needs torch is imported inside the commands: `evaluate` runs where only the worker is installed.


def evaluate(arguments: argparse.Namespace) -> None:
    """``varstream-train evaluate``: write the report and print its headline."""
    columns = columns_of(arguments)
    if arguments.class_map and arguments.taxonomy:
        raise SettingsError("--class-map and --taxonomy both say what the labels mean: give one of them")
    if arguments.labels and not arguments.label:
        raise SettingsError(f"name the column of {arguments.labels} that holds the labels with --label")
    if arguments.by_days and arguments.first_epochs:
        raise SettingsError("--by-days and --first-epochs both say how much is shown: give one of them")
    if len(surveys := surveys_of(files_of(arguments.light_curves))) > 1:
        raise SettingsError(
            f"{', '.join(map(str, arguments.light_curves))} are {len(surveys)} surveys: give the bands of one"
        )
    path, *bands = surveys[0]
    if arguments.card:
        from training.report.tests_in_card import add_test, check_card  # noqa: PLC0415 - needs the extra

        manifest = load_artifact(arguments.model).manifest
        folder = find_model(arguments.model)
        check_card(folder, manifest, arguments.card, surveys[0])
    report = measure_model(
        arguments.model,
        path,
        label_key=_label_key(arguments, path, columns),
        bands=bands,
        class_map=read_class_map(arguments.class_map) if arguments.class_map else None,
        taxonomy=arguments.taxonomy,
        first_epochs=arguments.first_epochs,
        label_table=arguments.labels,
        days=arguments.by_days,
        columns=columns,
        skip_bad_rows=arguments.skip_bad_rows,
        workers=arguments.workers or default_workers(),
    )
    write_report(arguments.json, report)
    if arguments.card:
        add_test(folder, arguments.card, report)
    if "mc" not in report:
        said = report["in_no_class"]
        print(
            f"{report['light_curves']}: {said['n']} light curves of {said['n_stars']} objects in no class, "
            f"{said['novel'] or 0.0:.1%} novel, a label for {said['labelled']:.1%}, "
            f"{said['confident_wrongly']:.1%} with a probability above .9"
        )
        return
    print(
        f"{report['light_curves']}: Mc {report['mc']:.4f} +- {report['mc_error']:.4f}, "
        f"accuracy {report['accuracy']:.4f}, a label for {report['labelled']:.1%}, "
        f"{report['n']} light curves of {report['n_stars']} stars, "
        f"{report['n_unscored']} light curves unscored, {report['n_left_out']} left out"
    )


def import_upsilont(arguments: argparse.Namespace) -> None:
    """``varstream-train import-upsilont``."""
    from training.artifact.upsilont import import_upsilont as import_model  # noqa: PLC0415

    manifest = import_model(arguments.weights, arguments.output)
    print(
        f"{manifest.name} {manifest.version} {len(manifest.classes)} classes, written to {arguments.output}"
    )


def train(arguments: argparse.Namespace) -> None:
    """``varstream-train train``."""
    from training import build  # noqa: PLC0415
    from training.crossfit.recipe import RECIPES  # noqa: PLC0415

    _announce(arguments, build.train(_job(arguments, RECIPES[arguments.recipe])).metrics)


def transfer(arguments: argparse.Namespace) -> None:
    """``varstream-train transfer``."""
    from training import build  # noqa: PLC0415
    from training.crossfit.recipe import STREAM, TRANSFER  # noqa: PLC0415
    from training.network.layers import Layers  # noqa: PLC0415

    layers = None if arguments.mode is None else Layers(arguments.mode)
    recipe = TRANSFER if arguments.observe_as is None else STREAM
    manifest = build.transfer(_job(arguments, recipe), arguments.pretrained, layers)
    if (stars := _observed_stars(manifest.training["data"])) is not None:
        print(f"stars as {arguments.observe_as} sees them, or why they are left out: {stars}")
    _announce(arguments, manifest.metrics)


def export(arguments: argparse.Namespace) -> None:
    """``varstream-train export``."""
    from training.release import release_again  # noqa: PLC0415

    changes = {
        name: value
        for name in ("name", "version", "min_epochs", "abstain_below")
        if (value := getattr(arguments, name)) is not None
    }
    fused = {
        name: value
        for name in ("min_epochs", "abstain_below")
        if (value := getattr(arguments, f"fused_{name}")) is not None
    }
    manifest = release_again(
        arguments.model, arguments.output, changes, fused=fused, weights_file=arguments.weights
    )
    print(f"{manifest.name} {manifest.version}, sha256 {manifest.sha256}, written to {arguments.output}")


def reproduce(arguments: argparse.Namespace) -> None:
    """``varstream-train reproduce``."""
    from training.reproduce.report import TABLES_FILE, published_model  # noqa: PLC0415
    from training.reproduce.report import reproduce as make_report  # noqa: PLC0415
    from training.reproduce.scale import Scale  # noqa: PLC0415

    scale = Scale.quick() if arguments.quick else Scale.paper()
    chosen = {name: getattr(arguments, name) for name in ("repeats", "training_epochs")}
    with Bars() as progress:
        path = make_report(
            arguments.light_curves,
            arguments.output,
            replace(scale, **{name: value for name, value in chosen.items() if value is not None}),
            only=arguments.only,
            published=published_model(arguments.upsilont) if arguments.upsilont else None,
            cache_folder=arguments.cache,
            workers=arguments.workers or default_workers(),
            device=arguments.device,
            command=stated_command(arguments),
            progress=progress,
        )
    if arguments.only:
        print((path.parent / TABLES_FILE).read_text(encoding="utf-8"))
    print(f"written to {path}")


def _announce(arguments: argparse.Namespace, metrics: Mapping[str, Any]) -> None:
    full = metrics["all_surveys"]["all"]
    print(
        f"{arguments.name} {arguments.version} written to {arguments.output}: Mc {full['mc']:.4f} "
        f"+- {full['mc_error']:.4f} on {full['n']} test light curves of {full['n_stars']} stars"
    )


def _job(arguments: argparse.Namespace, recipe: Recipe) -> Job:
    from training.build import Job  # noqa: PLC0415

    return Job(
        files=_labelled_files(arguments),
        recipe=_adjusted(recipe, arguments),
        name=arguments.name,
        version=arguments.version,
        output=arguments.output,
        command=stated_command(arguments),
        seed=arguments.seed,
        cache_folder=arguments.cache,
        workers=arguments.workers or default_workers(),
        non_variables=not arguments.without_non_variables,
    )


def _labelled_files(arguments: argparse.Namespace) -> list[LabelledFile]:
    from training.crossfit.recipe import STREAM_STARS_PER_LABEL  # noqa: PLC0415

    class_map = read_class_map(arguments.class_map) if arguments.class_map else None
    paths = _meant(arguments, files_of(arguments.light_curves))
    check_file_names(paths)
    columns = columns_of(arguments)
    files = [_labelled_file(arguments, survey, class_map, columns) for survey in surveys_of(paths)]
    if (stream := getattr(arguments, "observe_as", None)) is None:
        return files
    return [file.as_seen_by(stream, STREAM_STARS_PER_LABEL) for file in files]


def _meant(arguments: argparse.Namespace, paths: Sequence[Path]) -> list[Path]:
    """Leave out the archives of a folder whose labels nobody has told, if there are others; say which.

    What is named itself stays: that its labels are not known is an error.
    """
    named = {*arguments.light_curves}
    unknown = [
        path
        for path in paths
        if arguments.label is None
        and path not in named
        and not is_table(path)
        and survey_name(path) not in SURVEYS
    ]
    if not unknown or len(unknown) == len(paths):
        return list(paths)
    print(
        f"varstream-train: {len(unknown)} archives left out whose labels are not known without --label: "
        f"{', '.join(survey_name(path) for path in unknown)}",
        file=sys.stderr,
    )
    return [path for path in paths if path not in unknown]


def _labelled_file(
    arguments: argparse.Namespace,
    paths: Sequence[Path],
    class_map: dict[str, str] | None,
    columns: Columns | None,
) -> LabelledFile:
    from training.crossfit.labelled_file import known_file, own_file  # noqa: PLC0415

    reading: dict[str, Any] = {"columns": columns, "skip_bad_rows": arguments.skip_bad_rows}
    path, *bands = paths
    if arguments.label is None and not is_table(path):
        known = replace(known_file(path, *bands), **reading)
        return known if class_map is None else replace(known, label_map=class_map)
    return own_file(path, _label_key(arguments, path, columns), class_map, bands=tuple(bands), **reading)


def _observed_stars(data: Sequence[Mapping[str, Any]]) -> str | None:
    """Return what became of the stars of all files that are shown as another survey sees them."""
    stars: Counter[str] = Counter()
    for file in data:
        stars.update(file["stars_observed"])
    return ", ".join(f"{name} {count:,}" for name, count in stars.most_common()) or None


def _label_key(arguments: argparse.Namespace, path: Path, columns: Columns | None) -> str:
    """Return the column of labels: as asked for, or the one that a table or a known survey has."""
    if arguments.label is not None:
        return str(arguments.label)
    if is_table(path):
        if not (columns or Columns()).label:
            raise SettingsError(
                f"--columns label= says that {path} has no labels: name the column, or give --label"
            )
        return (columns or Columns()).label
    check_file(path)  # to ask for the labels of a file that is not there would be a detour
    if survey_name(path) in SURVEYS:
        return SURVEYS[survey_name(path)].label_key
    raise SettingsError(f"name the column of {path} that holds its labels with --label")


def _adjusted(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """Return the recipe with what the user asked for instead."""
    if arguments.training_epochs is not None:
        recipe = recipe.with_training_epochs(arguments.training_epochs)
    if arguments.truncations is not None:
        count = arguments.truncations
        sampling = replace(recipe.sampling, truncations=count, truncations_together=count)
        recipe = replace(recipe, sampling=sampling)
    chosen = {name: getattr(arguments, name) for name in ("convention", "clip_sigma")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    return replace(recipe, extraction=replace(recipe.extraction, **chosen))
