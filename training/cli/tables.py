"""The commands that write a row for every light curve: `features` and `predict`."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from schemas.model.shipped import DEFAULT_MODELS
from training.cli.files import files_of, read_each
from training.cli.options import EACH_BAND_TOGETHER, NOT_TOGETHER
from training.data.bad_points import in_words
from training.data.filters import ALL_BANDS
from training.data.stars_in_bands import stars_in_bands
from training.examples import feature_file
from training.examples.cached_pool import default_workers
from training.examples.feature_table import Extraction, View
from training.examples.star_features import Features
from training.measure.evaluate import load_artifact
from training.measure.prediction_rows import prediction_rows, rows_schema
from training.progress import Bars
from training.table_file import check_output, write_rows


def features(arguments: argparse.Namespace) -> None:
    """``varstream-train features``: write the table and say what could not be measured, and why."""
    started = time.monotonic()
    check_output(arguments.output, files_of(arguments.light_curves))
    tables, made = [], []
    left_out: Counter[str] = Counter()
    with Bars() as progress:
        for survey in read_each(arguments, columns_are_written=True):
            left_out.update(survey.left_out)
            made.append(
                feature_file.compute_features(
                    survey,
                    Extraction(convention=arguments.convention, clip_sigma=arguments.clip_sigma),
                    together=arguments.together != NOT_TOGETHER,
                    first_epochs=arguments.first_epochs,
                    cache_folder=arguments.cache,
                    workers=arguments.workers or default_workers(),
                    progress=progress,
                )
            )
            if arguments.together != EACH_BAND_TOGETHER:
                made[-1] = made[-1].take(made[-1].view != View.AT_JOINT)
            tables.append(feature_file.feature_rows(survey, made[-1]))
    feature_file.write_table(arguments.output, tables)
    everything = Features.join(made)
    print(
        f"{_counted(everything.view)}, {everything.n_blocked} without features"
        f"{_in_brackets(everything.blocked())}, written to {arguments.output} "
        f"in {time.monotonic() - started:.1f} s{_left_out(left_out)}"
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
    left_out: Counter[str] = Counter()
    views: list[NDArray[np.int8]] = []

    def rows(progress: Bars) -> Iterator[pa.Table]:
        unfused_is_told = manifest.fused is not None
        for survey in read_each(arguments):
            left_out.update(survey.left_out)
            if not unfused_is_told and stars_in_bands(survey).any_in_several:
                _say_nothing_is_fused(manifest)
                unfused_is_told = True
            chunks = feature_file.feature_chunks(
                survey,
                Extraction(convention=manifest.convention, clip_sigma=manifest.clip_sigma),
                together=manifest.fused is not None,
                first_epochs=arguments.first_epochs,
                cache_folder=arguments.cache,
                workers=arguments.workers or default_workers(),
                progress=progress,
            )
            for part in prediction_rows(artifact, survey, chunks, name_survey=several):
                labels.update(part.labels)
                reasons.update(part.reasons)
                views.append(part.view)
                yield part.table

    with Bars() as progress:
        write_rows(arguments.output, rows_schema(manifest.classes, name_survey=several), rows(progress))
    n_labels, n_without = labels.total(), reasons.total()
    asked = _counted(np.concatenate([np.empty(0, np.int8), *views]))
    print(
        f"{asked}: {n_labels} with a label{_in_brackets(labels)}, "
        f"{n_without} without{_in_brackets(reasons)}, written to {arguments.output} "
        f"in {time.monotonic() - started:.1f} s{_left_out(left_out)}"
    )


def _say_nothing_is_fused(manifest: Manifest) -> None:
    """Say why stars in several bands have no row of all, and what to ask instead."""
    print(
        f"varstream-train: no row of band {ALL_BANDS!r} is given for stars in several bands: "
        f"{manifest.name} {manifest.version} has no fused answers; ask a model that has them, such as "
        f"{DEFAULT_MODELS['ztf']}",
        file=sys.stderr,
    )


def _counted(view: NDArray[np.int8]) -> str:
    """Say how many light curves there are, and how many stars are measured in all their bands."""
    own, merged = (int(np.count_nonzero(view == each)) for each in (View.OWN, View.MERGED))
    return f"{own} light curves" + (f" and {merged} stars in all their bands" if merged else "")


def _in_brackets(counts: Mapping[str, int]) -> str:
    """Return the counts with their names, the most frequent first; nothing where there are none."""
    named = ", ".join(f"{name} {count}" for name, count in Counter(counts).most_common())
    return f" ({named})" if named else ""


def _left_out(points: Counter[str]) -> str:
    return f"; points left out: {in_words(points)}" if points else ""
