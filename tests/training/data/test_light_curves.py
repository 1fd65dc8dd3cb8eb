import numpy as np
import pytest

from training.data.light_curves import Columns, LightCurves
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError

GOOD = {
    "time": np.array([3.0, 1.0, 2.0, 5.0, 4.0]),
    "mag": np.array([15.3, 15.1, 15.2, 12.5, 12.4], np.float32),
    "err": np.full(5, 0.01, np.float32),
    "offsets": np.array([0, 3, 5]),
    "native_class": np.array(["RRab", "EA"]),
    "band": np.array("V"),
}


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "survey.npz"
        np.savez(path, **{key: value for key, value in {**GOOD, **changes}.items() if value is not None})
        return path

    return write


def test_a_file_is_read_with_its_columns(write):
    survey = read_light_curves(write())
    assert survey.name == "survey"
    assert survey.curves.n_epochs.tolist() == [3, 2]
    assert survey.labels("native_class").tolist() == ["RRab", "EA"]
    assert set(survey.columns) == {"object_id", "native_class", "band"}
    assert survey.columns["band"].tolist() == ["V", "V"]  # one value in the file is that of every light curve


def test_a_light_curve_without_a_name_is_known_by_its_points(write):
    names = read_light_curves(write()).columns["object_id"].tolist()
    assert len(set(names)) == 2
    other_way_round = {
        **{key: np.concatenate([GOOD[key][3:], GOOD[key][:3]]) for key in ("time", "mag", "err")},
        "offsets": np.array([0, 2, 5]),
    }
    assert read_light_curves(write(**other_way_round)).columns["object_id"].tolist() == names[::-1]
    other_way_round["mag"][0] += 0.1
    assert read_light_curves(write(**other_way_round)).columns["object_id"].tolist()[1:] == names[:1]


def test_first_epochs_are_first_in_time_not_in_the_file(write):
    first = read_light_curves(write()).curves.first_epochs(2)
    assert first.time.tolist() == [1.0, 2.0, 4.0, 5.0]
    assert first.mag == pytest.approx([15.1, 15.2, 12.4, 12.5])
    assert read_light_curves(write()).curves.first_epochs(9).n_epochs.tolist() == [3, 2]


def test_an_epoch_that_is_held_twice_is_one_of_the_first(write):
    time = np.array([3.0, 1.0, 1.0, 2.0, 1.0])
    mag = np.array([15.3, 15.1, 15.1, 15.2, 15.4])
    survey = read_light_curves(write(time=time, mag=mag, offsets=np.array([0, 5]), native_class=None))
    assert survey.curves.first_epochs(3).mag.tolist() == pytest.approx([15.1, 15.4, 15.2])
    assert survey.curves.first_epochs(9).n_epochs.tolist() == [4]
    assert sorted(survey.curves.without_repeats(0)[0]) == [1.0, 1.0, 2.0, 3.0]


def test_take_copies_light_curves_in_the_order_asked_for(write):
    taken = read_light_curves(write()).curves.take(np.array([1, 0, 1]))
    assert taken.time.tolist() == [4.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0]  # in order of time, whatever the file's
    assert taken.offsets.tolist() == [0, 2, 5, 7]


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("time", np.inf, "a finite number of days, .*got inf"),
        ("mag", np.nan, "a magnitude between -5 and 35, .*got nan"),
        ("mag", 99.999, "a magnitude between -5 and 35, .*got 99.999"),
        ("mag", 50.0, "a magnitude between -5 and 35, .*got 50.0"),
        ("mag", -9.99, "a magnitude between -5 and 35, .*got -9.99"),
        ("err", 0.0, "a positive number, got 0.0"),
        ("err", -1.0, "a positive number, got -1.0"),
        ("err", np.nan, "a positive number, got nan"),
        ("err", np.inf, "a positive number, got inf"),
        ("err", 1.0, "below 1 mag: .*, got 1.0"),
        ("err", 99.99, "below 1 mag: .*, got 99.99"),
    ],
)
def test_a_point_that_is_no_measurement_is_named_or_skipped(write, capsys, key, value, wanted):
    series = GOOD[key].copy()
    series[4] = value
    path = write(**{key: series}, object_id=np.array(["s1", "s2"]))
    with pytest.raises(
        TrainingError, match=f"light curve s2 point 2: {key} must be {wanted}.*: .*--skip-bad-rows"
    ):
        read_light_curves(path)
    assert capsys.readouterr().err == ""
    for _ in range(2):  # a file is read again for its labels
        curves = read_light_curves(path, skip_bad_rows=True).curves
        assert curves.n_epochs.tolist() == [3, 1]
        assert curves.time.tolist() == [1.0, 2.0, 3.0, 5.0]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "1 of 5 rows left out, the first at light curve s2 point 2" in said


def test_a_star_without_a_name_is_named_by_its_number(write):
    with pytest.raises(TrainingError, match="light curve 1 point 1: object_id must not be empty"):
        read_light_curves(write(object_id=np.array(["s1", ""])))


def test_every_real_survey_is_read_but_for_its_points_without_information(shared_data):
    paths = sorted((shared_data / "lightcurves").glob("*.npz"))
    holding = set()
    for path in paths:
        with np.load(path) as archive:
            offsets, err = archive["offsets"], archive["err"].astype(np.float64)
        large = err >= 1.0
        survey = read_light_curves(path)
        star = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        assert (np.diff(offsets) - survey.curves.n_epochs).tolist() == (
            np.bincount(star[large], minlength=len(offsets) - 1).tolist()
        )
        assert sum(survey.left_out.values()) == large.sum()
        if large.any():
            holding.add(path.stem.split("_")[0])
    assert holding >= {"css", "eros1", "eros2", "ogle2", "gaia", "crts", "sdss", "ztf"}


def test_an_unknown_column_is_an_error_that_lists_what_there_is(write):
    with pytest.raises(SettingsError, match=r"'ups_class'.*it has band, native_class"):
        read_light_curves(write()).labels("ups_class")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"err": None}, "lacks err"),
        ({"offsets": np.array([0, 9])}, "time must be 9 numbers"),
        ({"offsets": np.array([0, 4, 3])}, "never fall"),
        ({"offsets": np.array([0.0, 5.0])}, "integers"),
        ({"mag": np.array(list("abcde"))}, "mag must be 5 numbers"),
        ({"native_class": np.array([{}, {}], dtype=object)}, "without pickles"),
    ],
)
def test_arrays_that_do_not_fit_are_named(write, changes, message):
    with pytest.raises(TrainingError, match=message):
        read_light_curves(write(**changes))


def test_a_file_that_is_not_there_or_not_npz(tmp_path):
    with pytest.raises(SettingsError, match="does not exist"):
        read_light_curves(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("time,mag,err")
    with pytest.raises(TrainingError, match="cannot read"):
        read_light_curves(tmp_path / "text.npz")


def test_a_suffix_that_is_not_known_is_an_error_that_lists_those_that_are(tmp_path):
    (tmp_path / "stars.fits").write_text("1 2 3")
    with pytest.raises(
        SettingsError, match=r"stars\.fits is none of \.npz, \.csv, \.csv\.gz, \.parquet, \.avro.*convert it"
    ):
        read_light_curves(tmp_path / "stars.fits")


def test_the_arrays_of_an_npz_have_fixed_names(write):
    with pytest.raises(SettingsError, match="columns are named for tables only"):
        read_light_curves(write(), Columns(time="hjd"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_is_one_error_or_none(tmp_path, save):
    path = tmp_path / "survey.npz"
    save(path, **GOOD)
    whole, rng = path.read_bytes(), np.random.default_rng(2)
    errors = 0
    for i in range(150):
        damaged = bytearray(whole[: rng.integers(1, len(whole))] if i % 3 == 0 else whole)
        for at in rng.integers(0, len(damaged), 3):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_light_curves(path)
        except TrainingError:
            errors += 1
    assert errors > 100


def test_no_light_curves_have_no_first_epochs():
    nothing = LightCurves(np.empty(0), np.empty(0), np.empty(0), np.zeros(1, np.int64))
    assert len(nothing.first_epochs(5)) == 0
