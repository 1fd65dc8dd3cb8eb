"""The table that `predict` writes: what a model says about light curves that come from no stream."""

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from broker.classify.classifier import load_classifier
from broker.pipeline import Pipeline
from broker.state.light_curve import band_series
from broker.state.store import MemoryStore
from features import FEATURE_NAMES
from tests.broker.streams import annotator, decoder, packets, simulated
from tests.training.commands import fails
from training import Classifier, light_curve_features
from training.cli import tables
from training.cli.main import main
from training.data.read import read_light_curves
from training.examples import feature_file

MODELS = Path(__file__).resolve().parents[3] / "deploy" / "models"
ZTF = MODELS / "varstream-ztf" / "3.0.0"
FIRST_COLUMNS = ["object_id", "band", "n_epochs", "baseline_d", "period_d", "period_probability"]
FIRST_COLUMNS += ["label", "probability", "novelty", "status"]


def predict(model: Path, *files: Path, output: Path, more: str = "") -> list[dict[str, str]]:
    """Rows of the CSV that the command writes, as text."""
    command = f"predict {model} {' '.join(map(str, files))} --output {output} --workers 1"
    assert main([*command.split(), "--cache", str(output.parent / "cache"), *more.split()]) == 0
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, stars) -> Path:
    """Write light curves, named by (object, band), with every digit."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["object_id", "band", "time", "mag", "err"])
        for (name, its_band), series in stars.items():
            columns = (np.asarray(each, float).tolist() for each in series)
            writer.writerows([name, its_band, *point] for point in zip(*columns, strict=True))
    return path


def pulsating(rng, n, *, period_d=0.57, err=0.02):
    """A star like RR Lyrae, seen on random nights of two years."""
    time = np.sort(rng.choice(730, n, replace=False) + rng.uniform(-0.15, 0.15, n))
    phase = (time / period_d) % 1.0
    mag = 16.0 + 0.8 * np.where(phase < 0.15, 0.5 - phase / 0.15, (phase - 0.15) / 0.85 - 0.5)
    return time, mag + rng.normal(0.0, err, n), np.full(n, err)


@pytest.fixture
def stars():
    """One that is sure, one too short for the model, one too short for features, one without variation."""
    rng = np.random.default_rng(4)
    return {
        ("sure", "g"): pulsating(rng, 90),
        ("short", "g"): pulsating(rng, 9),
        ("seven", "r"): pulsating(rng, 7),
        ("flat", "r"): (np.arange(30.0), np.full(30, 15.0), np.full(30, 0.02)),
        ("noise", "r"): (*pulsating(rng, 12)[:1], rng.normal(15.0, 0.3, 12), np.full(12, 0.05)),
    }


def test_a_row_says_of_a_light_curve_what_the_library_says(stars, tmp_path, capsys):
    rows = predict(ZTF, write(tmp_path / "stars.csv", stars), output=tmp_path / "said.csv")
    model = Classifier.load(ZTF)
    assert list(rows[0]) == [*FIRST_COLUMNS, *(f"p_{name}" for name in model.classes)]
    assert [(row["object_id"], row["band"]) for row in rows] == list(stars)
    table = light_curve_features(stars, convention=model.manifest.convention)
    said = model.predict(table)
    for row, measured, answer in zip(rows, table.itertuples(), said.to_dict(orient="records"), strict=True):
        assert int(row["n_epochs"]) == measured.n_epochs
        for name, value in [
            ("period_d", measured.period),
            ("period_probability", measured.p_period),
            *((key, answer[key]) for key in answer if key == "probability" or key.startswith("p_")),
        ]:
            assert (row[name] == "") == np.isnan(value), name
            assert not row[name] or float(row[name]) == value, name
        assert row["label"] == ("" if pd.isna(answer["label"]) else answer["label"])
        assert set(measured.status.split("|")) - {""} <= set(row["status"].split("|"))
    status = {row["object_id"]: row["status"] for row in rows}
    assert rows[0]["label"] == "RRL_ab"
    assert status["short"].split("|")[-2:] == ["FEW_NIGHTS", "BELOW_MIN_EPOCHS"]
    assert status["seven"] == "TOO_FEW|BELOW_MIN_EPOCHS"
    assert status["flat"] == "DEGENERATE"
    assert "ABSTAINED" in status["noise"]
    assert rows[4]["label"] == ""
    assert 0.0 < float(rows[4]["probability"]) < model.manifest.abstain_below
    line = capsys.readouterr().out
    assert line.startswith(
        "5 light curves: 1 with a label (RRL_ab 1), 4 without (BELOW_MIN_EPOCHS 1, TOO_FEW 1, "
        "DEGENERATE 1, ABSTAINED 1), written to "
    )


def test_csv_and_parquet_hold_the_same(stars, tmp_path):
    path = write(tmp_path / "stars.csv", stars)
    as_csv = predict(ZTF, path, output=tmp_path / "said.csv")
    command = f"predict {ZTF} {path} --output {tmp_path / 'said.parquet'} --workers 1 --cache {tmp_path}/c"
    assert main(command.split()) == 0
    table = pq.read_table(tmp_path / "said.parquet")
    assert table.column_names == list(as_csv[0])
    for column in table.column_names:
        as_text = ["" if value is None else value for value in table[column].to_pylist()]
        read = [row[column] for row in as_csv]
        numbers = not any(isinstance(value, str) and value for value in as_text)
        assert [float(t) if numbers and t else t for t in read] == as_text
    assert table["label"].to_pylist()[1:] == [None] * 4  # missing, not a text that looks like nothing
    assert table["probability"].to_pylist()[1] is None


def test_epochs_that_were_not_used_do_not_count(tmp_path):
    once = pulsating(np.random.default_rng(8), 9)
    twice = tuple(np.tile(series, 2) for series in once)
    path = write(tmp_path / "stars.csv", {("once", "g"): once, ("twice", "g"): twice})
    one, two = predict(ZTF, path, output=tmp_path / "said.csv")
    assert one | {"object_id": ""} == two | {"object_id": ""}
    assert two["n_epochs"] == "9"
    assert two["status"].split("|")[-1] == "BELOW_MIN_EPOCHS"
    assert float(two["baseline_d"]) == once[0][-1] - once[0][0]


def test_a_file_without_bands_leaves_the_band_empty(model_folder, survey, tmp_path):
    rows = predict(model_folder, survey, output=tmp_path / "said.csv")
    assert {row["band"] for row in rows} == {""}
    assert [row["object_id"] for row in rows] == [f"star{i}" for i in range(180)]
    kinds = read_light_curves(survey).columns["kind"]
    agree = [row["label"] == kind for row, kind in zip(rows, kinds, strict=True) if row["label"]]
    assert np.mean(agree) > 0.9


def test_bands_of_a_public_survey_are_called_as_they_are_known(fused_folder, in_bands, tmp_path):
    """ZTF's filters 1 and 2 are g and r, whatever its column ``band`` says of both."""
    with np.load(in_bands) as archive:
        arrays = dict(archive)
    known = tmp_path / "ztf_dr5_field.npz"
    numbers = np.where(arrays.pop("band") == "g", 1, 2)
    np.savez(known, **arrays, filterid=numbers, band="ZTF g/r (see filterid 1=g 2=r)")
    rows, expected = (predict(fused_folder, path, output=tmp_path / "said.csv") for path in (known, in_bands))
    assert [row["band"] for row in rows] == ["g", "r", "all"] * 75
    assert rows == expected


def test_several_files_make_one_table_that_says_which(stars, tmp_path):
    """The last column, so that what a single file gives stays where it is."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in ("a", "b"):
        write(folder / f"{part}.csv", dict(itertools.islice(stars.items(), 2)))
    rows = predict(ZTF, folder, output=tmp_path / "said.csv")
    assert list(rows[0])[-1] == "survey"
    assert [(row["survey"], row["object_id"]) for row in rows] == [
        (part, name) for part in "ab" for name in ("sure", "short")
    ]
    one = predict(ZTF, folder / "a.csv", output=tmp_path / "one.csv")
    assert [row | {"survey": "a"} for row in one] == rows[:2]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_chunks_and_cores_change_nothing(model_folder, survey, tmp_path, monkeypatch, workers):
    whole = predict(model_folder, survey, output=tmp_path / "whole.csv")
    monkeypatch.setattr(feature_file, "LIGHT_CURVES_A_TASK", 50)
    more = f"--workers {workers} --cache {tmp_path / 'other'}"
    assert predict(model_folder, survey, output=tmp_path / "parts.csv", more=more) == whole


def test_the_table_is_there_whole_or_not_at_all(model_folder, survey, tmp_path, monkeypatch):
    """Interrupted after the first of several chunks: what was there before stays, nothing else is left."""
    output = tmp_path / "said.csv"
    output.write_text("of yesterday")
    monkeypatch.setattr(feature_file, "LIGHT_CURVES_A_TASK", 50)
    made = tables.prediction_rows

    def interrupted(*given, **more):
        yield next(made(*given, **more))
        raise KeyboardInterrupt

    monkeypatch.setattr(tables, "prediction_rows", interrupted)
    command = f"predict {model_folder} {survey} --output {output} --workers 1 --cache {tmp_path / 'cache'}"
    assert main(command.split()) == 130
    assert output.read_text() == "of yesterday"
    assert {file.name for file in tmp_path.iterdir()} == {"said.csv", "cache"}


def test_a_stream_and_a_file_of_its_epochs_are_answered_to_the_last_digit(tmp_path):
    """The last record of every band, and the epochs that the store then holds, as a file with every digit."""
    store = MemoryStore()
    stream = Pipeline(decoder(), annotator(load_classifier("varstream-ztf")), store)
    batch = stream.annotate(packets([alert.payload for alert in simulated()][:400]))
    last = {(a.key, a.record["band"]): a.record for a in batch.annotations}
    of_model: dict[Path, dict] = {}
    for (key, band), record in last.items():
        if band == "all":  # of the bands, as the file has them
            continue
        series = band_series(batch.curves[key], band)
        folder = MODELS / record["model"]["name"] / record["model"]["version"]
        of_model.setdefault(folder, {})[key, band] = (series.time, series.mag, series.mag_err)
    compared = {"label": 0, "ABSTAINED": 0, "BELOW_MIN_EPOCHS": 0}
    for folder, stars in of_model.items():
        path = write(tmp_path / "stars.csv", stars)
        for row in predict(folder, path, output=tmp_path / "said.csv"):
            record = last[row["object_id"], row["band"]]
            assert row["label"] == (record["label"] or "")
            assert int(row["n_epochs"]) == record["n_epochs"]
            assert float(row["baseline_d"]) == record["baseline_d"]
            if record["probabilities"] is None:
                assert row["probability"] == ""
            else:
                assert float(row["probability"]) == record["probability"]
                p = {name.removeprefix("p_"): float(row[name]) for name in row if name.startswith("p_")}
                assert p == record["probabilities"]
            period = record["features"][FEATURE_NAMES[3]]
            assert row["period_d"] == "" if period is None else float(row["period_d"]) == period
            in_stream = [word for word in record["status"] if word != "OTHER_SURVEY"]  # a file has none
            assert row["status"].split("|") == (in_stream or [""])
            compared["label"] += bool(row["label"])
            for word in ("ABSTAINED", "BELOW_MIN_EPOCHS"):
                compared[word] += word in record["status"]
    assert min(compared.values()) > 0, compared


def test_what_cannot_work_is_told_before_the_work(model_folder, survey, tmp_path, capsys):
    output = ["--output", str(tmp_path / "said.csv")]
    assert "must end in .csv or .parquet" in fails(
        ["predict", str(model_folder), str(survey), "--output", str(tmp_path / "said.txt")], capsys, 2
    )
    assert str(tmp_path) in fails(["predict", str(tmp_path), str(survey), *output], capsys, 2)
    assert "none.csv: the file does not exist" in fails(
        ["predict", str(model_folder), "none.csv", *output], capsys, 2
    )
    assert not (tmp_path / "said.csv").exists()


@pytest.mark.parametrize("command", ["features", f"predict {ZTF}"])
def test_light_curves_are_not_replaced_by_what_is_made_of_them(stars, tmp_path, capsys, command):
    path = write(tmp_path / "stars.csv", stars)
    before = path.read_bytes()
    for given in (path, tmp_path):
        assert "would replace" in fails([*command.split(), str(given), "--output", str(path)], capsys, 2)
    assert path.read_bytes() == before


def test_a_shipped_model_is_known_by_its_name(stars, tmp_path):
    path = write(tmp_path / "stars.csv", stars)
    by_name, by_folder = (
        predict(model, path, output=tmp_path / "said.csv") for model in (Path("varstream-ztf"), ZTF)
    )
    assert by_name == by_folder


def test_what_a_model_without_fused_answers_leaves_out_is_said_once(model_folder, in_bands, tmp_path, capsys):
    again = tmp_path / "again.npz"
    again.write_bytes(in_bands.read_bytes())
    rows = predict(model_folder, in_bands, again, output=tmp_path / "said.csv")
    assert {row["band"] for row in rows} == {"g", "r"}
    told = [line for line in capsys.readouterr().err.splitlines() if "fused" in line]
    assert told == [
        "varstream-train: no row of band 'all' is given for stars in several bands: waves 1.0.0 has no fused "
        "answers; ask a model that has them, such as varstream-ztf"
    ]


def test_nothing_is_left_out_of_stars_in_one_band_nor_by_a_model_with_fused_answers(
    request, tmp_path, capsys
):
    for model, stars in (("model_folder", "survey"), ("fused_folder", "in_bands")):
        given = [request.getfixturevalue(name) for name in (model, stars)]
        predict(*given, output=tmp_path / "said.csv")
    assert "fused" not in capsys.readouterr().err


def test_rows_that_are_no_measurement_are_treated_as_everywhere(model_folder, tmp_path, capsys):
    path = tmp_path / "stars.csv"
    rows = "".join(f"x,{t * 1.0371},{15 + t % 3},0.1\n" for t in range(30))
    path.write_text(f"name,time,mag,err\n{rows}x,31,99.999,0.1\n")
    command = f"predict {model_folder} {path} --output {tmp_path / 'said.csv'} --columns object_id=name"
    assert "line 32: mag must be" in fails(command.split(), capsys, 1)
    (row,) = predict(
        model_folder, path, output=tmp_path / "said.csv", more="--columns object_id=name --skip-bad-rows"
    )
    assert row["n_epochs"] == "30"
    assert re.search(r"1 of 31 rows left out", capsys.readouterr().err)
