"""The commands that write a row for every light curve: `features` and `predict`."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa

from training.cli.files import files_of, read_each
from training.examples import feature_file
from training.examples.cached_pool import default_workers
from training.measure.evaluate import load_artifact
from training.measure.prediction_rows import prediction_rows, rows_schema
from training.progress import Bars
from training.table_file import check_output, write_rows


def features(arguments: argparse.Namespace) -> None:
    """``varstream-train features``: write the table and say what could not be measured, and why."""
    started = time.monotonic()
    check_output(arguments.output, files_of(arguments.light_curves))
    tables, made = [], []
    with Bars() as progress:
        for survey in read_each(arguments):
            made.append(
                feature_file.compute_features(
                    survey,
                    convention=arguments.convention,
                    clip_sigma=arguments.clip_sigma,
                    cache_folder=arguments.cache,
                    workers=arguments.workers or default_workers(),
                    progress=progress,
                )
            )
            tables.append(feature_file.feature_rows(survey, made[-1]))
    feature_file.write_table(arguments.output, tables)
    everything = feature_file.Features.join(made)
    print(
        f"{len(everything.status)} light curves, {everything.n_blocked} without features"
        f"{_in_brackets(everything.blocked())}, written to {arguments.output} "
        f"in {time.monotonic() - started:.1f} s"
    )


def predict(arguments: argparse.Namespace) -> None:
    """``varstream-train predict``: write what the model says; print its labels, and why some have none."""
    started = time.monotonic()
    check_output(arguments.output, files_of(arguments.light_curves))
    artifact = load_artifact(arguments.model)
    manifest = artifact.manifest
    several = len(files_of(arguments.light_curves)) > 1
    labels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()

    def rows(progress: Bars) -> Iterator[pa.Table]:
        for survey in read_each(arguments):
            chunks = feature_file.feature_chunks(
                survey,
                convention=manifest.convention,
                clip_sigma=manifest.clip_sigma,
                cache_folder=arguments.cache,
                workers=arguments.workers or default_workers(),
                progress=progress,
            )
            for part in prediction_rows(artifact, survey, chunks, name_survey=several):
                labels.update(part.labels)
                reasons.update(part.reasons)
                yield part.table

    with Bars() as progress:
        write_rows(arguments.output, rows_schema(manifest.classes, name_survey=several), rows(progress))
    n_labels, n_without = labels.total(), reasons.total()
    print(
        f"{n_labels + n_without} light curves: {n_labels} with a label{_in_brackets(labels)}, "
        f"{n_without} without{_in_brackets(reasons)}, written to {arguments.output} "
        f"in {time.monotonic() - started:.1f} s"
    )


def _in_brackets(counts: Mapping[str, int]) -> str:
    """Return the counts with their names, the most frequent first; nothing where there are none."""
    named = ", ".join(f"{name} {count}" for name, count in Counter(counts).most_common())
    return f" ({named})" if named else ""
