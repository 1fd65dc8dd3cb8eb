"""``varstream classify --light-curves``: what it writes, against tables made without this code."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from broker.alert import FORCED, REFUSED, Place
from broker.cli import commands
from broker.cli.light_curve_file import COLUMNS, LightCurveFile
from broker.cli.main import main
from broker.errors import ConfigError, FatalError
from broker.state.light_curve import LightCurve, merge
from broker.transport.split.split_file import read_file
from tests.broker.epochs import alert, epoch, forced_epoch
from tests.broker.golden import golden_rows
from tests.broker.streams import SCHEMAS, simulated

PLACE = Place(59_000.0, 10.0, -20.0)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def classified(tmp_path: Path, *arguments: object, name: str = "curves.csv", code: int = 0) -> Path:
    """Run the command in this process, to end with a code; the file of light curves."""
    path = tmp_path / name
    outputs = ["--light-curves", path, "--output", tmp_path / "records.jsonl"]
    assert main(["classify", *map(str, [*arguments, *outputs])]) == code
    return path


def assert_as_golden(path: Path, golden: list[dict[str, str]]) -> dict[str, int]:
    """Compare with the rows of a golden table, and return how many there are of each winner."""
    found = {(r["object_id"], r["band"], r["exposure"]): r for r in rows_of(path)}
    assert len(found) == len(rows_of(path))  # one point an exposure
    winners = {"forced": 0, "detection": 0, "": 0}
    for row in golden:
        winner = row["winner"]
        if not winner and row.get("detection_mag"):  # of a row that is not used a detection stays
            winner = "detection"
        winners[winner] += 1
        point = found.get((row["object_id"], row["band"], row["exposure"]))
        if not winner:
            assert point is None
            continue
        assert point is not None
        assert point["kind"] == winner
        forced = winner == "forced"
        mag = row["mag"] if forced else row.get("detection_mag") or row["source_mag"]
        err = row["err"] if forced else row.get("detection_err") or row["source_err"]
        assert float(point["mag"]) == pytest.approx(float(mag), abs=2e-5)
        assert float(point["err"]) == pytest.approx(float(err), abs=2e-5)
        mjd = row.get("mjd_start_utc") or row["mjd_mid_tai"]
        assert float(point["mjd"]) == pytest.approx(float(mjd), abs=1e-7)
        assert bool(point["source_id"]) != forced
        if forced:
            offset = row.get("distnr_arcsec") or row["offset_arcsec"]
            assert float(point["offset_arcsec"]) == pytest.approx(float(offset), abs=0.00506)
        else:
            assert point["offset_arcsec"] == ""
    return winners


def test_zwicky_packets_leave_the_points_of_the_golden_table(shared_data, tmp_path):
    golden = golden_rows("ztf")
    folder = tmp_path / "packets"
    folder.mkdir()
    for file, number in {(row["file"], int(row["record"])) for row in golden}:
        for i, message in enumerate(read_file(shared_data / "alerts" / "ztf" / file)):
            if i == number:
                (folder / f"{Path(file).stem}_{number}.avro").write_bytes(message.payload)
    path = classified(tmp_path, folder, "--programid", "1")
    winners = assert_as_golden(path, golden)
    assert winners["forced"] > 10
    assert winners["detection"] > 10
    assert winners[""] > 20
    assert {row["survey"] for row in rows_of(path)} == {"ztf"}


def test_rubin_packets_leave_the_points_of_the_golden_table(shared_data, tmp_path):
    package = pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet is not installed")
    golden = golden_rows("lsst")
    files = {shared_data / "alerts" / "lsst" / row["file"] for row in golden}
    path = classified(tmp_path, *sorted(files), "--schemas", Path(package.__file__).parent)
    winners = assert_as_golden(path, golden)
    assert winners["forced"] > 15
    assert winners["detection"] >= 3
    assert winners[""] > 5


def test_parquet_holds_what_csv_holds(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    for number, one in enumerate(simulated()[:40]):
        (tmp_path / f"{number:02d}{'.avro' if one.survey == 'ztf' else '.bin'}").write_bytes(one.payload)
    text = rows_of(classified(tmp_path, tmp_path, "--schemas", SCHEMAS))
    table = pq.read_table(classified(tmp_path, tmp_path, "--schemas", SCHEMAS, name="curves.parquet"))
    assert tuple(table.column_names) == COLUMNS == tuple(text[0])
    assert {row["kind"] for row in text} == {"detection", "forced"}
    assert len(text) == table.num_rows > 100
    for name, column in table.to_pydict().items():
        kind = str(table.schema.field(name).type)
        assert kind == {"exposure": "int64", "mag": "float", "err": "float"}.get(
            name, "string" if name in {"survey", "object_id", "band", "kind", "source_id"} else "double"
        )
        for value, row in zip(column, text, strict=True):
            if value is None or kind == "string":
                assert row[name] == (value or "")
            elif kind == "float":
                assert np.float32(row[name]) == np.float32(value)
            else:
                assert type(value)(row[name]) == value


def written(tmp_path, *alerts, name="curves.csv"):
    curve = LightCurve.empty()
    for one in alerts:
        curve, _ = merge(curve, one)
    file = LightCurveFile(tmp_path / name)
    file.note({"ztf:star": PLACE})
    file.write({"ztf:star": curve})
    return rows_of(tmp_path / name)


def test_only_what_counts_is_written_by_band_and_time(tmp_path):
    forced = [
        forced_epoch(5, judged=7, offset=4, mag=15.5, band="r"),
        forced_epoch(6, judged=7, kind=REFUSED),
        forced_epoch(7, kind=FORCED, withdrawn=True),
    ]
    seen = [epoch(9, mag_err=np.nan), epoch(5, band="r"), epoch(2), epoch(1)]
    rows = written(tmp_path, alert(*seen, forced=forced, forced_wins=True, withdrawn=np.array([1])))
    assert [[row[name] for name in COLUMNS] for row in rows] == [
        ["ztf", "star", "g", "59002.0", "15.0", "0.01", "detection", "2", "2", "10.0", "-20.0", ""],
        ["ztf", "star", "g", "59009.0", "15.0", "", "detection", "9", "9", "10.0", "-20.0", ""],
        ["ztf", "star", "r", "59005.0", "15.5", "0.01", "forced", "5", "", "10.0", "-20.0", "0.04"],
    ]


def test_numbers_read_back_as_the_same_ones(tmp_path):
    mag, mjd = np.float32(15.123457), 60_000.123456789
    (row,) = written(tmp_path, alert(epoch(2**60 + 1, mag=float(mag), mjd=mjd)))
    assert np.float32(row["mag"]) == mag
    assert float(row["mjd"]) == mjd
    assert int(row["source_id"]) == 2**60 + 1


def test_an_offset_that_is_not_known_is_left_out(tmp_path):
    rows = written(tmp_path, alert(epoch(9), forced=[forced_epoch(3, offset=255)]))
    assert [row["offset_arcsec"] for row in rows] == ["", ""]


def test_a_name_of_any_letters_is_one_cell(tmp_path):
    file = LightCurveFile(tmp_path / "curves.csv")
    name = 'a,"b"\n:c'
    curve, _ = merge(LightCurve.empty(), alert(epoch(1)))
    file.note({f"ztf:{name}": PLACE})
    file.write({f"ztf:{name}": curve})
    assert [(row["survey"], row["object_id"]) for row in rows_of(tmp_path / "curves.csv")] == [("ztf", name)]


def test_the_place_is_that_of_the_latest_alert_whenever_it_came(tmp_path):
    curve, _ = merge(LightCurve.empty(), alert(epoch(1)))
    early, late = Place(59_001.0, 10.0, 20.0), Place(59_002.0, 11.0, 21.0)
    for order in ((early, late), (late, early)):
        file = LightCurveFile(tmp_path / "curves.csv")
        for place in order:
            file.note({"ztf:star": place})
        file.write({"ztf:star": curve})
        (row,) = rows_of(tmp_path / "curves.csv")
        assert (row["ra"], row["dec"]) == ("11.0", "21.0")


@pytest.mark.parametrize("name", ["curves.csv", "curves.parquet", "CURVES.CSV"])
def test_of_no_alert_the_columns_are_left(tmp_path, name):
    (tmp_path / "a.avro").write_bytes(b"no")
    path = classified(tmp_path, tmp_path / "a.avro", name=name, code=1)
    if name.endswith("parquet"):
        pq = pytest.importorskip("pyarrow.parquet")
        assert tuple(pq.read_table(path).column_names) == COLUMNS
    else:
        assert path.read_text() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("name", ["curves", "curves.txt", "curves.avro", "curves.csv.gz"])
def test_a_form_that_is_not_known_is_refused_before_anything_is_read(tmp_path, capsys, name):
    (tmp_path / "a.avro").write_bytes(b"no")
    code = main(["classify", str(tmp_path / "a.avro"), "--light-curves", str(tmp_path / name)])
    said = capsys.readouterr().err
    assert code == 2
    assert "is neither .csv nor .parquet" in said
    assert "alerts in" not in said


def test_parquet_without_its_library_is_refused_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"needs pyarrow.*pip install.*or name a \.csv"):
        LightCurveFile(tmp_path / "curves.parquet")
    LightCurveFile(tmp_path / "curves.csv")


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["curves.csv", "curves.parquet"])
def test_a_failure_while_it_is_written_leaves_what_was_there(tmp_path, monkeypatch, name):
    """The disk is full after the first light curve."""
    pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_text("earlier")
    curve, _ = merge(LightCurve.empty(), alert(epoch(1)))
    file = LightCurveFile(path)
    file.note({"ztf:a": PLACE, "ztf:b": PLACE})
    monkeypatch.setattr(file, "_tables", tables_that_fail(file._tables({"ztf:a": curve, "ztf:b": curve})))
    with pytest.raises(FatalError, match=f"cannot write {path}: No space left"):
        file.write({})
    assert files_of(tmp_path) == [name]
    assert path.read_text() == "earlier"


def tables_that_fail(tables):
    def fail(_):
        yield next(tables)
        raise OSError(28, "No space left on device")

    return fail


def test_a_run_that_fails_leaves_no_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.avro").write_bytes(simulated()[0].payload)

    def broken(*_, **__):
        raise FatalError("the disk is on fire")

    monkeypatch.setattr(commands, "run", broken)
    outputs = ["--light-curves", str(tmp_path / "curves.csv"), "--output", str(tmp_path / "out")]
    assert main(["classify", str(tmp_path / "a.avro"), *outputs]) == 1
    assert "the disk is on fire" in capsys.readouterr().err
    assert files_of(tmp_path) == ["a.avro", "out"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_device_is_written_to_as_it_is(tmp_path):
    file = LightCurveFile(tmp_path / "full.csv")
    (tmp_path / "full.csv").symlink_to("/dev/full")
    with pytest.raises(FatalError, match=r"full\.csv: No space left"):
        file.write({})
    assert (tmp_path / "full.csv").is_symlink()


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path):
    (tmp_path / "real.csv").write_text("earlier")
    (tmp_path / "curves.csv").symlink_to(tmp_path / "real.csv")
    LightCurveFile(tmp_path / "curves.csv").write({})
    assert (tmp_path / "curves.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("survey,object_id")
