import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import training.examples.feature_file as module
import training.examples.star_features as measuring
from features import FEATURE_NAMES, extract
from features.compilation.machine_code import KernelError
from training.cli.main import main
from training.data.read import read_light_curves
from training.errors import SettingsError
from training.examples.feature_file import compute_features
from training.examples.feature_table import Extraction
from training.progress import QUIET
from training.table_file import check_output

N_STARS = 180


@pytest.fixture
def small_chunks(monkeypatch):
    """Several tasks for few stars."""
    monkeypatch.setattr(module, "LIGHT_CURVES_A_TASK", 50)


def features(survey, output, *more: str) -> str:
    return (
        f"features {survey} --output {output} --workers 1 --cache {output.parent / 'cache'} {' '.join(more)}"
    )


def compute(survey, cache, *, workers=1, convention="robust"):
    return compute_features(
        survey,
        Extraction(convention=convention),
        cache_folder=cache,
        workers=workers,
        progress=QUIET,
    )


def test_the_table_has_a_row_for_every_light_curve(survey, tmp_path, capsys):
    output = tmp_path / "features.parquet"
    assert main(features(survey, output).split()) == 0
    table = pq.read_table(output)
    curves = read_light_curves(survey).curves
    measured = extract(curves.time, curves.mag, curves.err, curves.offsets)
    values, status = measured.values, measured.status
    trust = ("p_period", "period_fap", "period_err_d", "period_rival_d")
    assert table.column_names == [
        *("object_id", "band", "survey", "kind", "view", "n_epochs", "baseline_d", "n_nights", "n_outliers"),
        *FEATURE_NAMES,
        *trust,
        *("level", "amplitude_ratio", "status"),
    ]
    assert set(table["band"].to_pylist()) == {None}
    assert set(table["view"].to_pylist()) == {"own"}
    for name in ("n_nights", "n_outliers", *trust):
        assert np.array_equal(table[name], getattr(measured, name), equal_nan=True)
    assert table["object_id"].to_pylist() == [f"star{i}" for i in range(N_STARS)]
    assert set(table["survey"].to_pylist()) == {"waves"}
    assert table["n_epochs"].to_pylist() == [60] * N_STARS
    spans = [np.ptp(time) for time in np.split(curves.time, curves.offsets[1:-1])]
    assert table["baseline_d"].to_pylist() == pytest.approx(spans)
    assert np.array_equal(np.stack([table[name] for name in FEATURE_NAMES], axis=1), values, equal_nan=True)
    assert [text == "" for text in table["status"].to_pylist()] == (status == 0).tolist()
    assert f"180 light curves, 0 without features, written to {output} in " in capsys.readouterr().out


def test_the_columns_do_not_depend_on_the_bands_of_the_stars(survey, in_bands, tmp_path):
    schemas = []
    for stars, together in ((survey, "all"), (in_bands, "none"), (in_bands, "all"), (in_bands, "bands")):
        output = tmp_path / "table.parquet"
        assert main(features(stars, output, "--together", together).split()) == 0
        schemas.append(pq.read_schema(output))
    assert schemas[1:] == schemas[:-1]


def test_csv_and_parquet_hold_the_same_numbers(survey, tmp_path):
    for suffix in ("csv", "parquet"):
        assert main(features(survey, tmp_path / f"table.{suffix}", "--first-epochs", "20").split()) == 0
    table = pq.read_table(tmp_path / "table.parquet")
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == table.column_names
    assert [float(row["period"]) for row in rows] == table["period"].to_pylist()
    assert {row["n_epochs"] for row in rows} == {"20"}


def test_light_curves_without_features_are_counted_by_reason(tmp_path, capsys):
    path = tmp_path / "stars.csv"
    rows = [("short", t, 15 + t % 2, 0.1, "A", 0.5) for t in range(5)]
    rows += [("flat", t, 15, 0.1, "B", 0.7) for t in range(20)]
    rows += [("night", t / 100, 15 + t % 3, 0.1, "B", 0.7) for t in range(20)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("object_id", "time", "mag", "err", "label", "period"), *rows])
    assert main(features(path, tmp_path / "table.csv").split()) == 0
    with (tmp_path / "table.csv").open(newline="") as file:
        table = {row["object_id"]: row for row in csv.DictReader(file)}
    assert list(table) == ["short", "flat", "night"]
    assert {name: row["status"] for name, row in table.items()} == {
        "short": "TOO_FEW",
        "flat": "DEGENERATE",
        "night": "NO_BASELINE",
    }
    assert table["short"]["label"] == "A"
    assert table["short"]["period"] == "nan"
    assert table["short"]["period_given"] == "0.5"  # the catalogue's own
    out = capsys.readouterr().out
    assert "3 light curves, 3 without features (TOO_FEW 1, DEGENERATE 1, NO_BASELINE 1)" in out


def test_epochs_that_were_not_used_are_not_counted(tmp_path):
    """Two downloads that overlap, and plates of a century ago."""
    path = tmp_path / "stars.csv"
    rng = np.random.default_rng(2)
    new, old = np.sort(rng.uniform(60_000.0, 60_400.0, 30)), np.sort(rng.uniform(20_000.0, 24_000.0, 50))
    rows = [("twice", t, 15 + t % 2, 0.1) for t in np.tile(new, 2)]
    rows += [("plates", t, 15 + t % 2, 0.1) for t in [*old, *new]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("object_id", "time", "mag", "err"), *rows])
    for more, count in (((), 30), (("--first-epochs", "20"), 20)):
        assert main(features(path, tmp_path / "table.parquet", *more).split()) == 0
        twice, plates = pq.read_table(tmp_path / "table.parquet").to_pylist()
        assert twice["n_epochs"] == count
        assert twice["baseline_d"] == new[count - 1] - new[0]
        if not more:
            measured = ("n_epochs", "baseline_d", *FEATURE_NAMES)
            assert [plates[name] for name in measured] == [twice[name] for name in measured]
            assert "BASELINE_CAPPED" in plates["status"]


def test_several_files_make_one_table(survey, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text(
        "object_id,time,mag,err,label\n" + "".join(f"x,{t},{15 + t % 3},0.1,A\n" for t in range(20))
    )
    output = tmp_path / "table.parquet"
    assert main(features(f"{survey} {tmp_path}", output).split()) == 0
    table = pq.read_table(output)
    assert table["survey"].to_pylist() == ["waves"] * N_STARS + ["more"]
    assert table["label"].to_pylist() == [None] * N_STARS + ["A"]
    assert table["kind"].to_pylist()[-1] is None


def test_a_column_without_values_in_one_part_stays_a_column_of_numbers(tmp_path):
    time = np.sort(np.random.default_rng(1).uniform(0.0, 90.0, 20))
    for name, flux in (("1", [1.25] * 20), ("2", pa.nulls(20)), ("3", [7] * 20)):
        star = {"object_id": [name] * 20, "time": time, "mag": 15.0 + np.sin(time), "err": [0.1] * 20}
        (tmp_path / "parts").mkdir(exist_ok=True)
        pq.write_table(pa.table({**star, "flux": flux}), tmp_path / "parts" / f"{name}.parquet")
    assert main(features(tmp_path / "parts", tmp_path / "table.parquet").split()) == 0
    table = pq.read_table(tmp_path / "table.parquet")
    assert table.schema.field("flux").type == pa.float64()
    assert table["flux"].to_pylist() == [1.25, None, 7.0]
    assert main(features(tmp_path / "parts" / "2.parquet", tmp_path / "table.csv").split()) == 0


def test_points_that_are_left_out_are_counted_by_reason(tmp_path, capsys):
    path = tmp_path / "stars.csv"
    time = np.sort(np.random.default_rng(1).uniform(0.0, 90.0, 30))
    lines = [f"V,{t},{99.9 if k == 2 else 15 + k % 4},{9 if k > 26 else 0.1}" for k, t in enumerate(time)]
    path.write_text("\n".join(["object_id,time,mag,err", *lines]))
    assert main(features(path, tmp_path / "table.csv", "--skip-bad-rows").split()) == 0
    said = capsys.readouterr()
    assert "by reason: large err 3, mag 1" in said.err
    assert said.out.rstrip().endswith("points left out: large err 3, mag 1")


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupted_run_goes_on_where_it_was(survey, tmp_path, monkeypatch):
    curves = read_light_curves(survey)
    done = []

    def counted(time, mag, err, offsets, **choices):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(len(offsets) - 1)
        return extract(time, mag, err, offsets, **choices)

    monkeypatch.setattr(measuring, "extract", counted)
    with pytest.raises(KeyboardInterrupt):
        compute(curves, tmp_path)
    assert done == [50, 50]
    done[:] = ["resumed"]
    with pytest.raises(KeyboardInterrupt):
        compute(curves, tmp_path)
    done[:] = []
    made = compute(curves, tmp_path)
    assert done == [30]
    monkeypatch.setattr(measuring, "extract", extract)
    assert np.array_equal(made.values, compute(curves, tmp_path / "new").values, equal_nan=True)


@pytest.mark.usefixtures("small_chunks")
def test_damaged_parts_are_made_again_and_other_choices_have_their_own(survey, tmp_path):
    curves = read_light_curves(survey)
    made = compute(curves, tmp_path)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 4
    kept[0].write_bytes(kept[0].read_bytes()[:500])
    again = compute(curves, tmp_path)
    assert np.array_equal(made.values, again.values, equal_nan=True)
    assert sorted(tmp_path.iterdir()) == kept
    compute(curves, tmp_path, convention="refined")
    assert len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize(("workers", "chunk"), [(1, 50), (2, 50), (3, 7), (8, 1), (2, 1000)])
def test_cores_and_chunks_change_nothing(survey, monkeypatch, workers, chunk):
    curves = read_light_curves(survey)
    whole = compute(curves, None)
    monkeypatch.setattr(module, "LIGHT_CURVES_A_TASK", chunk)
    made = compute(curves, None, workers=workers)
    for name in ("values", "status", "n_used", "baseline_d"):
        assert getattr(made, name).tobytes() == getattr(whole, name).tobytes()


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_kernel_raises_is_raised(survey, monkeypatch, workers):
    def refuse(*_: object, **__: object) -> None:
        raise KernelError("cannot compile the kernel x: MemoryError")

    monkeypatch.setattr(measuring, "extract", refuse)
    with pytest.raises(KernelError, match="the kernel x"):
        compute(read_light_curves(survey), None, workers=workers)


def test_a_cache_that_cannot_be_written_is_told(survey, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SettingsError, match="cannot write to the cache"):
        compute(read_light_curves(survey), tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("table.txt", r"must end in \.csv or \.parquet"),
        ("none/table.csv", "cannot write"),
        ("table", "must end"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_the_work(tmp_path, capsys, name, message):
    assert main(features("none.npz", tmp_path / name).split()) == 2
    said = capsys.readouterr().err
    assert "none.npz" not in said
    with pytest.raises(SettingsError, match=message):
        check_output(tmp_path / name)
