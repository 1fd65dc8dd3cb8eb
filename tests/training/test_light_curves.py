import numpy as np
import pytest

from training.errors import SettingsError, TrainingError
from training.light_curves import LightCurves, read_light_curves

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


def test_a_file_is_read_with_its_columns_and_without_scalars(write):
    survey = read_light_curves(write())
    assert survey.name == "survey"
    assert survey.curves.n_epochs.tolist() == [3, 2]
    assert survey.labels("native_class").tolist() == ["RRab", "EA"]
    assert set(survey.columns) == {"native_class"}


def test_first_epochs_are_first_in_time_not_in_the_file(write):
    first = read_light_curves(write()).curves.first_epochs(2)
    assert first.time.tolist() == [1.0, 2.0, 4.0, 5.0]
    assert first.mag == pytest.approx([15.1, 15.2, 12.4, 12.5])
    assert read_light_curves(write()).curves.first_epochs(9).n_epochs.tolist() == [3, 2]


def test_take_copies_light_curves_in_the_order_asked_for(write):
    taken = read_light_curves(write()).curves.take(np.array([1, 0, 1]))
    assert taken.time.tolist() == [5.0, 4.0, 3.0, 1.0, 2.0, 5.0, 4.0]
    assert taken.offsets.tolist() == [0, 2, 5, 7]


def test_points_that_are_no_numbers_are_no_epochs(write):
    mag = GOOD["mag"].copy()
    mag[1] = np.nan
    curves = read_light_curves(write(mag=mag)).curves
    assert curves.n_epochs.tolist() == [2, 2]
    assert curves.time.tolist() == [3.0, 2.0, 5.0, 4.0]


def test_an_unknown_column_is_an_error_that_lists_what_there_is(write):
    with pytest.raises(SettingsError, match=r"'ups_class'.*it has native_class"):
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


def test_no_light_curves_have_no_first_epochs():
    nothing = LightCurves(np.empty(0), np.empty(0), np.empty(0), np.zeros(1, np.int64))
    assert len(nothing.first_epochs(5)) == 0
