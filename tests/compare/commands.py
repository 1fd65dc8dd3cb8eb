"""Commands whose results are published: what subscribers, users of tables and makers of models get."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsst.alert import packet as alert_packet

LSST_SCHEMAS = Path(str(alert_packet.__file__)).parent
MODELS = ("varstream-ztf", "varstream-lsst", "varstream-source")
ALERTS = ("ztf/ztf_lite.avro", "ztf/wire", "lsst/ddf_cosmos_20260310_v10_0.avro", "lsst/wire_transcoded")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line; ``{data}`` and ``{models}`` stand for folders, and it writes where it runs.

    Attributes
    ----------
    name : str
        Of the folder that its files go to.
    words : tuple of str or Path
        The program and its arguments.
    """

    name: str
    words: tuple[str | Path, ...]


def _classify(model: str) -> Command:
    return Command(
        f"classify-{model}",
        (
            "varstream",
            "classify",
            *(f"{{data}}/alerts/{path}" for path in ALERTS),
            *("--model", f"{{models}}/{model}/3.0.0", "--schemas", LSST_SCHEMAS),
            *("--output", "annotations.jsonl", "--counts", "counts.json", "--dead-letters", "dead.jsonl"),
        ),
    )


def _features(convention: str) -> Command:
    files = ("hipparcos_debosscher_Hp", "ogle2_misc_lmc_I", "sdss_s82_rrl_g", "lsst_ddf_cosmos_r")
    return Command(
        f"features-{convention}",
        (
            "varstream-train",
            "features",
            *(f"{{data}}/lightcurves/{name}.npz" for name in files),
            *("--convention", convention, "--output", "features.csv", "--cache", "cache"),
        ),
    )


def _evaluate(model: str, file: str, *words: str) -> Command:
    return Command(
        f"evaluate-{model}-{file}{''.join(words)}",
        (
            "varstream-train",
            "evaluate",
            f"{{models}}/{model}/3.0.0",
            f"{{data}}/lightcurves/{file}.npz",
            *words,
            *("--json", "report.json"),
        ),
    )


COMMANDS = (
    *map(_classify, MODELS),
    *map(_features, ("refined", "kim2021")),
    _evaluate("varstream-source", "hipparcos_debosscher_Hp"),
    _evaluate("varstream-ztf", "asas_richards_V"),
    _evaluate("varstream-lsst", "sdss_s82_rrl_g", "--first-epochs", "20"),
    Command(
        "train",
        (
            "varstream-train",
            "train",
            *("--light-curves", "{data}/lightcurves/asas_richards_V.npz", "{data}/lightcurves/eros1_R.npz"),
            *("--training-epochs", "3", "--truncations", "3", "--seed", "7"),
            *("--output", "model", "--cache", "cache"),
        ),
    ),
    Command(
        "train-paper",
        (
            "varstream-train",
            "train",
            *("--light-curves", "{data}/lightcurves/hipparcos_debosscher_Hp.npz", "--recipe", "paper"),
            *("--training-epochs", "3", "--output", "model", "--cache", "cache"),
        ),
    ),
    Command(
        "transfer",
        (
            "varstream-train",
            "transfer",
            *("--pretrained", "{models}/varstream-source/3.0.0"),
            *("--light-curves", "{data}/lightcurves/asas_richards_V.npz", "--mode", "every-layer"),
            *("--training-epochs", "2", "--truncations", "2", "--output", "model", "--cache", "cache"),
        ),
    ),
    Command(
        "transfer-to-a-stream",
        (
            "varstream-train",
            "transfer",
            *("--pretrained", "{models}/varstream-source/3.0.0"),
            *("--light-curves", "{data}/lightcurves/hipparcos_debosscher_Hp.npz", "--observe-as", "ztf"),
            *("--training-epochs", "2", "--output", "model", "--cache", "cache"),
        ),
    ),
)
