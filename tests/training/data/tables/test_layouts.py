"""Text as people's programs write it: separators, encodings, comments, units, and what is no table."""

import gzip
import json

import numpy as np
import pytest

from training.data.light_curves import Columns
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError

NAMES = ["object_id", "time", "mag", "err"]
RNG = np.random.default_rng(8)
TIME = np.sort(RNG.uniform(58000.0, 58600.0, 12)).round(5).tolist()
ROWS = [[f"V{k % 2}", repr(time), f"{15 + k / 16}", "0.02"] for k, time in enumerate(TIME)]


def table(separator=",", names=NAMES, rows=ROWS, end="\n"):
    return end.join(separator.join(row) for row in [names, *rows]) + end


def assert_read(path, columns=None):
    stars = read_light_curves(path, columns)
    assert stars.columns["object_id"].tolist() == ["V0", "V1"]
    assert stars.curves.time.tolist() == TIME[::2] + TIME[1::2]
    assert stars.curves.mag.tolist() == [15 + k / 16 for k in (*range(0, 12, 2), *range(1, 12, 2))]
    return stars


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   ", ", ", " ; ", " \t "])
@pytest.mark.parametrize("name", ["stars.csv", "stars.tsv", "stars.dat", "stars.txt.gz"])
def test_what_separates_values_is_seen(tmp_path, separator, name):
    path, text = tmp_path / name, table(separator)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert_read(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", " "])
def test_encodings_that_say_what_they_are_and_ends_of_lines(tmp_path, end, encoding, separator):
    path = tmp_path / "stars.csv"
    path.write_bytes(table(separator, end=end).encode(encoding))
    assert_read(path)


def test_the_other_order_of_bytes_and_text_packed_under_another_name(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_bytes(b"\xfe\xff" + table().encode("utf-16-be"))
    assert_read(path)
    path.write_bytes(gzip.compress(table(";").encode()))
    assert_read(path)


@pytest.mark.parametrize(
    "head",
    [
        "# from the telescope\n#\n# object_id: of us\n\n",
        "\n\n",
        "sep=;\n",
        "#,,,\n",
    ],
)
@pytest.mark.parametrize("separator", [";", " "])
def test_what_stands_above_the_column_names_is_passed_over(tmp_path, head, separator):
    path = tmp_path / "stars.csv"
    path.write_text(head + table(separator))
    assert_read(path)


@pytest.mark.parametrize("cross", ["# ", "#"])
@pytest.mark.parametrize("separators", [(" ", " "), (",", ","), (" ", ","), ("\t", " ")])
def test_the_column_names_may_be_a_comment(tmp_path, cross, separators):
    above, below = separators
    path = tmp_path / "stars.dat"
    names = above.join(NAMES)
    rows = "\n".join(below.join(row) for row in ROWS)
    path.write_text(f"# first\n{cross}{names}\n# last\n{rows}\n")
    assert_read(path)


@pytest.mark.parametrize("separator", [",", " "])
def test_comments_among_the_rows_are_told_of_and_lines_are_counted(tmp_path, capsys, separator):
    lines = table(separator).splitlines()
    lines[3:3] = ["# clouds", separator.join(["#V0", "58000", "99", "0.1"]), ""]
    path = tmp_path / "stars.csv"
    path.write_text("\n".join(lines))
    assert_read(path)
    assert "2 lines that begin with # are taken as comments" in capsys.readouterr().err
    lines[7] = separator.join(["V0", "58000", "x", "0.1"])
    path.write_text("\n".join(lines))
    with pytest.raises(TrainingError, match="line 8: mag must"):
        read_light_curves(path)


def test_names_that_begin_with_a_cross_are_names(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(table(rows=[[f"#{name}", *rest] for name, *rest in ROWS]))
    assert read_light_curves(path).columns["object_id"].tolist() == ["#V0", "#V1"]


def test_units_under_the_names_are_used(tmp_path):
    hours = [[name, repr(float(time) * 24), repr(float(mag) * 1000), err] for name, time, mag, err in ROWS]
    lines = table("\t", rows=hours).splitlines()
    path = tmp_path / "stars.tsv"
    path.write_text("\n".join([lines[0], "\th\tmmag\tmag", "-----\t---\t----\t----", *lines[1:]]))
    stars = read_light_curves(path)
    assert stars.curves.time == pytest.approx(TIME[::2] + TIME[1::2], rel=1e-14)
    assert stars.curves.mag[0] == pytest.approx(15.0)
    path.write_text("\n".join([lines[0], "none\th\tmmag\tmag", *lines[1:]]))
    assert read_light_curves(path).curves.time == pytest.approx(stars.curves.time)
    path.write_text("\n".join([lines[0], "\td\tmJy\tmJy", "--\t--\t--\t--", *lines[1:]]))
    with pytest.raises(TrainingError, match="mag is in 'mJy', where magnitudes are needed"):
        read_light_curves(path)


@pytest.mark.parametrize("line", [",d,Jy,Jy", ",d,mag,mJy", ",d,counts,", ",mag,d,mag", ",,e-/s,"])
@pytest.mark.parametrize("skip", [True, False])
def test_units_under_the_names_that_are_not_ours_are_no_bad_row(tmp_path, line, skip):
    path = tmp_path / "stars.csv"
    path.write_text(table().replace("err\n", f"err\n{line}\n"))
    with pytest.raises(TrainingError, match=r"where (days|magnitudes) are needed: convert the values"):
        read_light_curves(path, skip_bad_rows=skip)
    path.write_text(table().replace("err\n", "err\n,d,mag,\n"))
    assert_read(path)


def test_units_in_the_names_are_used(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(table(names=["star", "time [h]", "mag (AB)", "err [mmag]"]))
    columns = Columns(object_id="star", time="time [h]", mag="mag (AB)", err="err [mmag]")
    curves = read_light_curves(path, columns).curves
    assert curves.time == pytest.approx((np.array(TIME[::2] + TIME[1::2])) / 24.0)
    assert curves.err == pytest.approx(2e-5)
    path.write_text(table(names=["object_id", "time", "flux (mJy)", "err"]))
    with pytest.raises(TrainingError, match="is in 'mJy', where magnitudes are needed: convert"):
        read_light_curves(path, Columns(mag="flux (mJy)"))


@pytest.mark.parametrize("separators", [(",", ";"), (";", ","), ("\t", "|")])
def test_rows_that_are_separated_otherwise_than_the_names_are_told_so(tmp_path, separators):
    path = tmp_path / "stars.csv"
    names, rows = (separator.join for separator in separators)
    path.write_text("\n".join([names(NAMES), *map(rows, ROWS)]))
    with pytest.raises(TrainingError, match=r"no line has the 4 values .* decimals with a point"):
        read_light_curves(path)
    path.write_text(table(rows=[[value.replace(".", ",") for value in row] for row in ROWS]))
    with pytest.raises(TrainingError, match=r"no line has the 4 values .* decimals with a point"):
        read_light_curves(path, skip_bad_rows=True)


def test_ecsv_as_astropy_writes_it(tmp_path):
    astropy_table = pytest.importorskip("astropy.table")
    units = pytest.importorskip("astropy.units")
    for kind in (astropy_table.Table, astropy_table.QTable):
        written = kind({"object_id": [row[0] for row in ROWS], "note": ["two words"] * len(ROWS)})
        written["time"] = np.array(TIME) * 86400.0 * units.s
        written["mag"] = np.array([float(row[2]) for row in ROWS]) * units.mag
        written["err"] = np.full(len(ROWS), 20.0) * units.mmag
        for name in ("stars.ecsv", "stars.parquet"):
            written.write(tmp_path / name, overwrite=True)
            stars = read_light_curves(tmp_path / name)
            assert stars.curves.time == pytest.approx(TIME[::2] + TIME[1::2], rel=1e-14)
            assert stars.curves.err == pytest.approx(0.02)
            assert stars.columns["note"].tolist() == ["two words"] * 2
        written["mag"] = np.full(len(ROWS), 3.0) * units.mJy
        written.write(tmp_path / "stars.ecsv", overwrite=True)
        with pytest.raises(TrainingError, match="mag is in 'mJy', where magnitudes are needed: convert"):
            read_light_curves(tmp_path / "stars.ecsv")


def test_moments_of_astropy_in_parquet(tmp_path):
    astropy_table = pytest.importorskip("astropy.table")
    time = pytest.importorskip("astropy.time")
    written = astropy_table.Table({name: [row[k] for row in ROWS] for k, name in enumerate(NAMES)})
    written["time"] = time.Time(TIME, format="mjd")
    written.write(tmp_path / "stars.parquet")
    assert read_light_curves(tmp_path / "stars.parquet").curves.time == pytest.approx(
        TIME[::2] + TIME[1::2], abs=1e-8
    )


@pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
@pytest.mark.parametrize("between", ["T", " "])
def test_dates_in_text_become_modified_julian_dates(tmp_path, zone, between):
    moments = np.datetime64("1858-11-17T00:00:00.000") + (np.array(TIME) * 86400e3).astype("timedelta64[ms]")
    texts = np.datetime_as_string(moments, unit="ms")
    rows = [
        [row[0], text.replace("T", between) + zone, *row[2:]] for row, text in zip(ROWS, texts, strict=True)
    ]
    path = tmp_path / "stars.csv"
    path.write_text(table(rows=rows))
    assert read_light_curves(path).curves.time == pytest.approx(TIME[::2] + TIME[1::2], abs=2e-8)
    rows[3][1] = "2017-02-31T00:00:00"
    path.write_text(table(rows=rows))
    with pytest.raises(
        TrainingError, match=r"line 5: time must be a finite number of days, .*got '2017-02-31"
    ):
        read_light_curves(path)
    rows[4][1] = "58300.5"
    path.write_text(table(rows=rows))
    stars = read_light_curves(path, skip_bad_rows=True)
    assert stars.left_out == {"time": 2}
    kept = [TIME[k] for k in (0, 2, 6, 8, 10, 1, 5, 7, 9, 11)]
    assert stars.curves.time == pytest.approx(kept, abs=2e-8)


@pytest.mark.parametrize(
    ("contents", "error", "message"),
    [
        (table().partition("\n")[2], SettingsError, "not name its columns.*a line such as 'object_id,time"),
        (table().encode("utf-16-le"), TrainingError, "UTF-16 without its mark.*save it as UTF-8"),
        (table(rows=[["\xe9", *row[1:]] for row in ROWS]).encode("latin-1"), TrainingError, "save it as"),
        (table(";", rows=[[*row[:2], row[2].replace(".", ","), row[3]] for row in ROWS[1:]]), TrainingError,
         r"line 2: mag must .* got '15,0625': write 15\.0625, with a point"),
        (json.dumps([{"object_id": "V0"}]), TrainingError, "it is JSON"),
        ("<!DOCTYPE html><html></html>", TrainingError, "XML or HTML"),
        (b"PK\x03\x04" + bytes(80), TrainingError, "zip archive, as Excel's workbooks are: save it as CSV"),
        (b"PAR1" + bytes(80), TrainingError, "it is Parquet: call it .parquet"),
        (b"SIMPLE  =                    T", TrainingError, "it is FITS"),
        ("# only\n# comments\n", TrainingError, "has no rows"),
        (",".join(NAMES), TrainingError, "has no rows"),
    ],
    ids=lambda value: None if isinstance(value, str | bytes) and len(value) > 60 else str(value)[:30],
)  # fmt: skip
def test_what_cannot_be_read_has_a_remedy(tmp_path, contents, error, message):
    path = tmp_path / "stars.csv"
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with pytest.raises(error, match=message) as raised:
        read_light_curves(path)
    assert "\n" not in str(raised.value)


def test_columns_that_nobody_asked_for_may_be_alike_or_nameless(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(table(names=["", *NAMES, "flag", "flag"], rows=[["0", *row, "1", "2"] for row in ROWS]))
    stars = assert_read(path)
    assert stars.columns["flag"].tolist() == ["1", "1"]
    assert stars.columns["flag (column 7)"].tolist() == ["2", "2"]


def test_other_names_are_found_with_any_separator(tmp_path):
    columns = Columns.parse("object_id=the star,time=HJD,mag=V mag,err=e V")
    for separator in (";", "\t", "|", ","):
        (tmp_path / "stars.txt").write_text(table(separator, names=["the star", "HJD", "V mag", "e V"]))
        assert_read(tmp_path / "stars.txt", columns)


def test_exponents_of_fortran_are_numbers(tmp_path):
    rows = [[row[0], row[1], f"{float(row[2]) / 10}D+01", "2.0d-02"] for row in ROWS]
    (tmp_path / "stars.dat").write_text(table(" ", rows=rows))
    assert read_light_curves(tmp_path / "stars.dat").curves.err.tolist() == [0.02] * 12


@pytest.mark.parametrize("separator", [",", "\t", "  "])
@pytest.mark.parametrize("n_columns", [3, 4, 6])
def test_rows_without_names_are_read_once_the_line_that_is_asked_for_stands_above(
    tmp_path, separator, n_columns
):
    path = tmp_path / "V7.dat"
    rows = [[repr(time), "15.25", "0.02"] for time in TIME]
    if n_columns > 3:
        rows = [["V7", *row, "9", "9"][:n_columns] for row in rows]
    text = "\n".join(separator.join(row) for row in rows)
    path.write_text(text)
    with pytest.raises(SettingsError, match="does not name its columns") as error:
        read_light_curves(path)
    line = str(error.value).split("put a line such as '")[1].split("'")[0].encode().decode("unicode_escape")
    path.write_text(f"{line}\n{text}")
    told = "--columns object_id=" in str(error.value)
    assert told == (n_columns == 3)
    stars = read_light_curves(path, Columns.parse("object_id=") if told else None)
    assert stars.columns["object_id"].tolist() == ["V7"]
    assert stars.curves.time.tolist() == TIME


def test_ipac_tables_are_named_with_and_without_their_comments(tmp_path):
    path = tmp_path / "stars.txt"
    table = "| oid|     mjd|   mag|magerr|\n|long|  double| float| float|\n|    |    days|   mag|   mag|\n"
    for head in ("", "\\fixlen = T\n"):
        path.write_text(f"{head}{table}   17 58300.5 15.250  0.020\n")
        with pytest.raises(TrainingError, match="it is an IPAC table: save it as CSV"):
            read_light_curves(path, Columns.parse("object_id=oid,time=mjd,err=magerr"))


def test_text_that_is_packed_twice_is_called_so(tmp_path):
    path = tmp_path / "stars.csv.gz"
    path.write_bytes(gzip.compress(gzip.compress(table().encode())))
    with pytest.raises(TrainingError, match="packed by gzip twice: unpack it once"):
        read_light_curves(path)
