"""Files of one survey, one a band, given to the commands that make tables."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training.commands import fails
from training.cli.main import main

COMMANDS = (
    "predict varstream-ztf {files} --output {folder}/table.csv",
    "features {files} --output {folder}/t.csv",
)
TRAIN = "train --light-curves {files} --output {folder}/model"
TRANSFER = "transfer --pretrained varstream-source --light-curves {files} --output {folder}/model"


def run(command: str, *files: Path, folder: Path, capsys=None) -> tuple[list[dict[str, str]], str]:
    """Rows of the CSV that a command writes, and what it says on standard error."""
    output = folder / "table.csv"
    arguments = (
        f"{command} {' '.join(map(str, files))} --output {output} --workers 1 --cache {folder / 'cache'}"
    )
    assert main(arguments.split()) == 0
    with output.open(newline="") as file:
        return list(csv.DictReader(file)), capsys.readouterr().err if capsys else ""


def one_a_band(path: Path, folder: Path) -> list[Path]:
    """Write the light curves of an archive as one archive a band; the bands are told by the names alone."""
    with np.load(path) as archive:
        arrays = dict(archive)
    band, bounds = arrays.pop("band"), arrays.pop("offsets")
    files = []
    for letter in np.unique(band).tolist():
        chosen = np.flatnonzero(band == letter)
        points = np.concatenate([np.arange(bounds[i], bounds[i + 1]) for i in chosen])
        files.append(folder / f"waves_{letter}.npz")
        np.savez(
            files[-1],
            **{key: arrays[key][points] for key in ("time", "mag", "err")},
            **{key: arrays[key][chosen] for key in ("object_id", "kind")},
            offsets=np.concatenate([[0], np.cumsum(np.diff(bounds)[chosen])]),
        )
    return files


def table(path: Path, *, ids=("1", "2"), band: str = "", label: str = "", dec: float | None = None) -> Path:
    """Write light curves of twenty epochs each, with the columns that are given."""
    rng = np.random.default_rng(3)
    rows = [
        {"object_id": name, "time": time, "mag": 15.0 + rng.normal(0.0, 0.1), "err": 0.1}
        | ({"band": band} if band else {})
        | ({"label": label} if label else {})
        | ({} if dec is None else {"ra": 10.0, "dec": dec})
        for name in ids
        for time in np.sort(rng.uniform(0.0, 200.0, 20))
    ]
    frame = pd.DataFrame(rows)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("command", ["predict", "features"])
def test_archives_of_one_band_each_say_what_one_of_all_bands_says(
    fused_folder, in_bands, tmp_path, capsys, command
):
    command = f"predict {fused_folder}" if command == "predict" else command
    whole, said = run(command, in_bands, folder=tmp_path, capsys=capsys)
    assert "read as the bands of one survey" not in said
    parts = tmp_path / "parts"
    parts.mkdir()
    files = one_a_band(in_bands, parts)
    assert [file.name for file in files] == ["waves_g.npz", "waves_r.npz"]
    for given in (files, files[::-1], [parts]):
        rows, said = run(command, *given, folder=tmp_path, capsys=capsys)
        assert [row["band"] for row in rows] == ["g", "r", "all"] * 75
        assert {row.pop("survey") for row in rows} == {"waves"}
        assert rows == [{key: row[key] for key in row if key != "survey"} for row in whole]
        told = [line for line in said.splitlines() if "read as the bands of one survey" in line]
        assert told == [
            "varstream-train: waves_g.npz, waves_r.npz are read as the bands of one survey, waves"
        ]


def test_tables_of_one_band_each_are_joined_and_others_stay_apart(fused_folder, tmp_path, capsys):
    command = f"predict {fused_folder}"
    g, r = table(tmp_path / "s_g.csv"), table(tmp_path / "s_r.csv", ids=("2", "3"))
    rows, _ = run(command, g, r, folder=tmp_path)
    assert [(row["object_id"], row["band"]) for row in rows] == [
        *(("1", "g"), ("2", "g"), ("2", "r"), ("2", "all"), ("3", "r"))
    ]
    (tmp_path / "other").mkdir()
    for others in (
        (g, table(tmp_path / "t_r.csv")),
        (g, table(tmp_path / "other" / "s_r.csv")),
        (g, table(tmp_path / "s_x.csv")),
        (g, table(tmp_path / "s.csv"), table(tmp_path / "s.parquet")),
    ):
        capsys.readouterr()
        rows, said = run(command, *others, folder=tmp_path, capsys=capsys)
        assert "one survey" not in said
        assert len(rows) == 2 * len(others)
        assert {row["band"] for row in rows} == {""}


@pytest.mark.parametrize("told", [{"label": "A"}, {"dec": 20.0}])
def test_what_training_refuses_to_join_is_refused_with_the_same_words(tmp_path, capsys, told):
    other = {"label": "B"} if "label" in told else {"dec": 20.1}
    table(tmp_path / "s_g.csv", **{"label": "A", **told})
    table(tmp_path / "s_r.csv", **{"label": "A", **other})
    files = f"{tmp_path}/s_g.csv {tmp_path}/s_r.csv"
    expected = fails(TRAIN.format(files=files, folder=tmp_path).split(), capsys, 1)
    assert "which are taken for bands of one survey by their names" in expected
    for command in COMMANDS:
        assert fails(command.format(files=files, folder=tmp_path).split(), capsys, 1) == expected
        assert not list(tmp_path.glob("t*.csv"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("s.csv", "s_g.csv", "s_r.csv"), "two surveys are called 's', one of them by files of its bands"),
        (("s_g.csv", "s_g.parquet"), "two files of light curves are called 's_g': rename one"),
    ],
)
def test_names_that_do_not_tell_what_is_joined_are_refused(tmp_path, capsys, names, message):
    files = " ".join(str(table(tmp_path / name, label="A")) for name in names)
    expected = fails(TRAIN.format(files=files, folder=tmp_path).split(), capsys, 2)
    assert message in expected
    for command in COMMANDS:
        assert fails(command.format(files=files, folder=tmp_path).split(), capsys, 2) == expected


def test_columns_that_one_file_lacks_are_named_where_they_would_be_written(tmp_path, capsys):
    g, r = table(tmp_path / "s_g.csv", label="A"), table(tmp_path / "s_r.csv")
    rows, said = run("features", g, r, folder=tmp_path, capsys=capsys)
    assert "bands of one survey, s, without what not all of them have: label\n" in said
    assert "label" not in rows[0]
    _, said = run("predict varstream-ztf", g, r, folder=tmp_path, capsys=capsys)
    assert "bands of one survey, s\n" in said


@pytest.mark.parametrize("command", [*COMMANDS, TRAIN, TRANSFER])
def test_no_command_reads_a_band_that_is_called_as_all_of_them(tmp_path, capsys, command):
    path = table(tmp_path / "s.csv", band="All", label="A")
    said = fails(command.format(files=path, folder=tmp_path).split(), capsys, 1)
    assert said.startswith(f"varstream-train: {path}: band of 1 is 'All', ")


def test_real_stars_in_two_files_have_an_answer_by_all_bands(shared_data, tmp_path):
    files = [shared_data / "lightcurves" / f"ztf_dr_labelled_{band}.npz" for band in "gr"]
    ids = [np.load(file)["object_id"].astype(str).tolist() for file in files]
    rows, _ = run("predict varstream-ztf --first-epochs 20", *files, folder=tmp_path)
    assert {row["survey"] for row in rows} == {"ztf_dr_labelled"}
    for band, names in (("ZTF g", ids[0]), ("ZTF r", ids[1]), ("all", {*ids[0]} & {*ids[1]})):
        assert sorted(row["object_id"] for row in rows if row["band"] == band) == sorted(names)
