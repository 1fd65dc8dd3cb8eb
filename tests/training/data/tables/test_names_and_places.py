"""Names, labels and places as files have them: missing in words, or another in every row."""

import numpy as np
import pytest

from tests.training.data.tables.written import NAMES, ROWS, TABLES, changed, write
from training.data.light_curves import Columns
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError

MISSING = ["", "nan", "NaN", "None", "NULL", "null", "NA", "n/a", "N/A", "<NA>", "--", "-", " nan "]


@pytest.mark.parametrize("text", MISSING)
@pytest.mark.parametrize("name", TABLES)
def test_texts_for_missing_are_no_class_band_or_name(tmp_path, name, text):
    rows = [(*row[:4], text, text, *row[6:]) if row[0] == "a" else row for row in ROWS]
    stars = read_light_curves(write(tmp_path / name, rows))
    assert stars.labels("label").tolist() == ["RRab", "", "RRab"]
    assert stars.columns["band"].tolist() == ["g", "", "r"]
    with pytest.raises(TrainingError, match=r"(line 3|row 2): object_id must not be empty"):
        read_light_curves(write(tmp_path / name, changed(1, object_id=text)))


@pytest.mark.parametrize("text", ["all", "ALL", " All "])
@pytest.mark.parametrize("name", TABLES)
def test_a_band_that_is_called_as_all_of_them_is_refused(tmp_path, name, text):
    """What is said of all bands of a star together stands under that name in every table."""
    path = write(tmp_path / name, changed(3, band=text))
    with pytest.raises(
        TrainingError, match=rf"{name}: band of b is '(?i:all)', .*another name, or .*band= to"
    ):
        read_light_curves(path)
    names = tuple("filter" if column == "band" else column for column in NAMES)
    write(path, changed(3, band=text), names)
    with pytest.raises(TrainingError, match=r": filter of b is '(?i:all)'"):
        read_light_curves(path, Columns(band="filter"))
    assert read_light_curves(path, Columns(band="")).curves.n_epochs.tolist() == [3, 2]


@pytest.mark.parametrize("text", ["all", "ALL", " All "])
def test_a_band_of_an_npz_that_is_called_as_all_of_them_is_refused(tmp_path, text):
    path = tmp_path / "stars.npz"
    series = {key: np.array([1.0, 2.0]) / 8.0 for key in ("time", "mag", "err")}
    for band in (["g", text], text):
        np.savez(path, **series, offsets=[0, 1, 2], object_id=["a", "a"], band=band)
        with pytest.raises(TrainingError, match=rf"stars\.npz: band of a is '{text}', .* another name$"):
            read_light_curves(path)
    for other in ("ZTF all", "all sky", "wall"):
        np.savez(path, **series, offsets=[0, 1, 2], object_id=["a", "b"], band=other)
        assert read_light_curves(path).columns["band"].tolist() == [other] * 2


@pytest.mark.parametrize("text", MISSING)
def test_texts_for_missing_are_no_class_of_an_npz(tmp_path, text):
    path = tmp_path / "stars.npz"
    series = {key: np.array([1.0, 2.0]) / 8.0 for key in ("time", "mag", "err")}
    np.savez(path, **series, offsets=[0, 1, 2], object_id=["a", "b"], kind=[text, "Nana"])
    assert read_light_curves(path).labels("kind").tolist() == ["", "Nana"]
    np.savez(path, **series, offsets=[0, 1, 2], object_id=["a", text])
    with pytest.raises(TrainingError, match="object_id must not be empty"):
        read_light_curves(path)


def scattered(arcsec, ra=359.99999, dec=30.0):
    """The rows above, each star's places scattered about one place."""
    rng = np.random.default_rng(4)
    steps = rng.uniform(-arcsec, arcsec, (len(ROWS), 2)) / 3600.0
    return [
        (*row[:6], (ra + step[0] / np.cos(np.radians(dec))) % 360.0, dec + step[1], row[8])
        for row, step in zip(ROWS, steps, strict=True)
    ]


@pytest.mark.parametrize("name", TABLES)
def test_a_star_whose_rows_have_places_of_their_own_is_at_their_mean(tmp_path, name):
    rows = scattered(2.0)
    stars = read_light_curves(write(tmp_path / name, rows))
    for star, bands in (("b", [0, 2]), ("a", [1])):
        own = [(row[6], row[7]) for row in rows if row[0] == star]
        ra = np.mean([(ra + 180.0) % 360.0 for ra, _ in own]) - 180.0  # away from the seam
        for band in bands:
            assert stars.columns["ra"][band] == pytest.approx(ra % 360.0, abs=1e-7)
            assert stars.columns["dec"][band] == pytest.approx(np.mean([dec for _, dec in own]), abs=1e-7)


@pytest.mark.parametrize("arcsec", [30.0, 36000.0])
def test_rows_beyond_the_match_radius_are_not_one_star(tmp_path, arcsec):
    path = write(tmp_path / "stars.csv", scattered(arcsec))
    with pytest.raises(
        TrainingError, match=r"of b is .* in line 2 and .* in line [45]: .*--columns ra=,dec="
    ):
        read_light_curves(path)
    with pytest.raises(TrainingError, match="one star's"):
        read_light_curves(path, skip_bad_rows=True)
    stars = read_light_curves(path, Columns.parse("ra=,dec="))
    assert stars.curves.n_epochs.tolist() == [2, 2, 1]
    assert not {"ra", "dec"} & set(stars.columns)


def test_rows_without_a_place_do_not_take_that_of_the_others(tmp_path):
    rows = [(*row[:6], "", "nan", row[8]) if k == 2 else row for k, row in enumerate(ROWS)]
    stars = read_light_curves(write(tmp_path / "stars.csv", rows))
    assert stars.columns["ra"].tolist() == [10.5, 200.0, 10.5]
    assert stars.columns["dec"].tolist() == [-3.25, 45.0, -3.25]


@pytest.mark.parametrize("change", [{"ra": "12:30:15.2"}, {"dec": -999.0}, {"ra": 400.0}, {"dec": "5h"}])
def test_what_is_no_place_can_be_done_without(tmp_path, change):
    path = write(tmp_path / "stars.csv", changed(1, **change))
    with pytest.raises(
        TrainingError, match=r"line 3: (ra|dec) must be .* degrees .*--columns ra=,dec= for none"
    ):
        read_light_curves(path)
    assert len(read_light_curves(path, Columns(ra="", dec="")).curves) == 3


def test_half_a_place_is_none(tmp_path):
    rows = [(*row[:6], "12:30", row[8]) for row in ROWS]
    stars = read_light_curves(write(tmp_path / "stars.csv", rows, (*NAMES[:6], "ra", "catalogue")))
    assert not {"ra", "dec"} & set(stars.columns)


def test_none_may_be_said_of_what_a_table_can_be_without(tmp_path):
    path = write(tmp_path / "stars.csv", changed(3, label="RRc"))
    with pytest.raises(TrainingError, match=r"label of b is 'RRab' .*--columns label="):
        read_light_curves(path)
    stars = read_light_curves(path, Columns.parse("label=, band= ,ra=,dec="))
    assert stars.curves.n_epochs.tolist() == [3, 2]
    assert set(stars.columns) == {"object_id", "catalogue"}
    for needed in ("time", "mag", "err"):
        with pytest.raises(SettingsError, match=f"'{needed}' has no column"):
            Columns.parse(f"{needed}=")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("first", [0, 1], ids=["whatever it says", "without the column"])
def test_a_table_of_one_star_is_called_as_the_file(tmp_path, name, first):
    path = write(tmp_path / name, [row[first:4] for row in ROWS], NAMES[first:4])
    stars = read_light_curves(path, Columns.parse("object_id=,band="))
    assert stars.columns["object_id"].tolist() == ["stars"]
    assert stars.curves.time.tolist() == sorted(row[1] for row in ROWS)
    if first:
        with pytest.raises(
            SettingsError, match=r"no column object_id; .* --columns object_id= for a file of"
        ):
            read_light_curves(path)


def test_a_bad_row_of_a_table_of_one_star_is_left_out_as_others(tmp_path):
    path = tmp_path / "OGLE-LMC-CEP-0001.dat"
    path.write_text(
        "# time mag err\n8303.46289 15.229 0.020\n8304.5 99.999 0.020\n8305.5 15.3\n8306.5 15.1 0.02\n"
    )
    stars = read_light_curves(path, Columns.parse("object_id="), skip_bad_rows=True)
    assert stars.columns["object_id"].tolist() == ["OGLE-LMC-CEP-0001"]
    assert stars.curves.time.tolist() == [8303.46289, 8306.5]
    assert dict(stars.left_out) == {"row": 1, "mag": 1}
