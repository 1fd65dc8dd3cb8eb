"""Labels that stand in a table of stars of their own."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from training.data.label_table import labels_from_table
from training.errors import SettingsError, TrainingError

STARS = np.array(["b", "a", "a", "c"])


def table(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(("object_id,ra,type", *lines)) + "\n")
    return path


def test_each_light_curve_has_the_label_of_its_star_and_others_have_none(tmp_path):
    path = table(tmp_path, "a,1.0,EA", "b,2.0, RRAB ", "d,3.0,SR", "c,3.0,nan")
    assert labels_from_table(path, "type", STARS).tolist() == ["RRAB", "EA", "EA", ""]


def test_parquet_and_whole_numbers_are_read_as_well(tmp_path):
    path = tmp_path / "labels.parquet"
    pa_parquet.write_table(pa.table({"object_id": [313853517453852677, 7], "type": ["QSO", None]}), path)
    asked = np.array(["7", "313853517453852677"])
    assert labels_from_table(path, "type", asked).tolist() == ["", "QSO"]


def test_a_star_of_two_labels_is_refused(tmp_path):
    path = table(tmp_path, "a,1.0,EA", "a,1.0,EA")
    assert labels_from_table(path, "type", STARS).tolist() == ["", "EA", "EA", ""]
    with pytest.raises(TrainingError, match="a has the labels 'EA' and 'EW'"):
        labels_from_table(table(tmp_path, "a,1.0,EA", "a,1.0,EW"), "type", STARS)


def test_what_cannot_be_meant_is_told_with_what_is_there(tmp_path):
    path = table(tmp_path, "x,1.0,EA")
    with pytest.raises(SettingsError, match=r"no column 'vsx_type', only object_id, ra, type"):
        labels_from_table(path, "vsx_type", STARS)
    with pytest.raises(
        TrainingError, match=r"none of the 4 light curves' stars, such as b: it has labels of 1"
    ):
        labels_from_table(path, "type", STARS)
    with pytest.raises(SettingsError, match=r"no table of labels at .*none\.csv"):
        labels_from_table(tmp_path / "none.csv", "type", STARS)


def test_a_row_without_its_values_is_refused_and_blank_ones_say_nothing(tmp_path):
    with pytest.raises(TrainingError, match=r"line 3: it has not the 3 values"):
        labels_from_table(table(tmp_path, "a,1.0,EA", "b,1.0,EW,more"), "type", STARS)
    blank = table(tmp_path, "a,1.0,EA", "a,1.0,", ",1.0,RR", ",1.0,QSO")
    assert labels_from_table(blank, "type", STARS).tolist() == ["", "EA", "EA", ""]
