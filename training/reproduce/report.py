"""The report of `varstream-train reproduce`: the paper's tables and figures, ours beside theirs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from training.artifact.export import read_model
from training.artifact.upsilont import import_upsilont
from training.errors import SettingsError
from training.network.trained_network import TrainedNetwork
from training.progress import Bars
from training.report.html import Section, as_text, write_html, write_report
from training.reproduce.bench import Bench
from training.reproduce.experiments import EXPERIMENTS, Experiments
from training.reproduce.scale import Scale

TABLES_FILE = "tables.txt"


def reproduce(
    folder: Path,
    output: Path,
    scale: Scale,
    *,
    only: Sequence[str],
    published: TrainedNetwork | None,
    cache_folder: Path,
    workers: int,
    device: str,
    command: str,
    progress: Bars,
) -> Path:
    """Run experiments and write ``report.html`` and its figures; what the cache holds is not computed again.

    Their tables are in `TABLES_FILE` as plain text, too.

    Raises
    ------
    SettingsError, TrainingError
        If a survey is missing, an experiment is unknown, or the folder cannot be written.
    """
    unknown = [name for name in only if name not in EXPERIMENTS]
    if unknown:
        raise SettingsError(f"no experiment {unknown[0]!r}: there are {', '.join(EXPERIMENTS)}")
    figures = output / "figures"
    try:
        figures.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"cannot write the report to {output}: {exc.strerror or exc}") from exc
    bench = Bench(scale, cache_folder, figures, progress, device)
    experiments = Experiments(folder, bench, published, workers=workers)
    path = output / "report.html"
    summary = (
        f"Made by `{command}`: {scale.repeats} repeats of {scale.training_epochs} training epochs where "
        "nothing else is said, with fresh splits by star in every repeat. Errors are standard errors of the "
        "mean (eq. 11).",
        "Mc of test stars is given in two ways: with the training epoch chosen on validation stars, which is "
        "honest and what we quote, and with the one that is best on the test stars themselves, as the paper "
        "chooses it.",
    )
    asked = [name for name in EXPERIMENTS if name in (only or EXPERIMENTS)]
    sections: list[Section] = []
    for number, name in enumerate(asked, start=1):
        sections += EXPERIMENTS[name](experiments)
        # after each of them: what is there can be read while the next takes its hours
        missing = ", ".join(asked[number:])
        unfinished = (f"Not there yet: {missing}. The same command goes on with them.",) if missing else ()
        write_report(path, "UPSILoN-T reproduced on public surveys", (*summary, *unfinished), sections)
        write_html(output / TABLES_FILE, "\n\n".join(map(as_text, sections)) + "\n")
    return path


def published_model(folder: Path) -> TrainedNetwork:
    """Read the weights that UPSILoN-T's authors published; see `training.artifact.upsilont`.

    Raises
    ------
    SettingsError, TrainingError
        If the folder does not hold them.
    """
    with TemporaryDirectory() as scratch:
        import_upsilont(folder, Path(scratch))
        return read_model(Path(scratch))[0]
