"""Files of one survey in several bands, read as one."""

from pathlib import Path

import numpy as np
import pytest

from training.crossfit.labelled_file import LabelledFile, known_file, provenance
from training.data.join_bands import by_survey, joint_name
from training.data.stars_in_bands import stars_in_bands
from training.errors import TrainingError
from training.stars.identity import Identities
from training.stars.known_stars import UNKNOWN_FOLD, KnownStars


def write(folder: Path, name: str, ids: list[str], **columns) -> Path:
    n = len(ids)
    given = {"kind": np.array(["A"] * n), **columns}
    series = {"time": np.arange(4.0 * n), "mag": np.full(4 * n, 15.0), "err": np.full(4 * n, 0.02)}
    path = folder / name
    np.savez(path, **series, offsets=4 * np.arange(n + 1), object_id=np.array(ids), **given)
    return path


def test_names_that_end_in_a_filter_are_of_one_survey():
    names = ["s_r.npz", "asas_V.npz", "s_g.npz", "css_V.npz", "s_x.npz", "s.npz", "g.npz", "s_g.csv"]
    groups = by_survey([Path(name) for name in names])
    assert [[path.name for path in group] for group in groups] == [
        ["s_g.npz", "s_r.npz"],
        ["asas_V.npz"],
        ["css_V.npz"],
        ["s_x.npz"],
        ["s.npz"],
        ["g.npz"],
        ["s_g.csv"],
    ]
    assert [joint_name(group) for group in groups] == ["s", "asas_V", "css_V", "s_x", "s", "g", "s_g"]


def test_files_in_different_folders_are_different_surveys():
    assert len(by_survey([Path("one/s_g.npz"), Path("two/s_r.npz")])) == 2


def test_archives_with_the_same_names_are_stars_in_several_bands(tmp_path):
    g = write(tmp_path, "s_g.npz", ["1", "2", "3"])
    r = write(tmp_path, "s_r.npz", ["3", "1", "4"], band=np.array("SDSS r"))
    survey = LabelledFile(g, "kind", {"A": "A"}, bands=(r,)).read().survey
    assert survey.name == "s"
    assert survey.curves.n_epochs.tolist() == [4] * 6
    assert survey.columns["band"].tolist() == ["g"] * 3 + ["SDSS r"] * 3  # a file without is called so
    stars = stars_in_bands(survey)
    each = [survey.columns["object_id"][stars.curves_of(star)].tolist() for star in range(len(stars))]
    assert each == [["1", "1"], ["2"], ["3", "3"], ["4"]]


def test_a_star_of_two_labels_or_places_is_refused(tmp_path):
    g = write(tmp_path, "s_g.npz", ["1", "2"], ra=np.array([10.0, 20.0]), dec=np.zeros(2))
    r = write(tmp_path, "s_r.npz", ["1", "2"], kind=np.array(["A", "B"]))
    with pytest.raises(
        TrainingError, match=r"kind of 2 is 'A' in .*s_g\.npz and 'B' in .*s_r\.npz, .*rename"
    ):
        LabelledFile(g, "kind", {"A": "A"}, bands=(r,)).read()
    r = write(tmp_path, "s_r.npz", ["1", "2"], ra=np.array([10.0, 20.01]), dec=np.zeros(2))
    with pytest.raises(TrainingError, match=r"2 is at two places in .*rename the files"):
        LabelledFile(g, "kind", {"A": "A"}, bands=(r,)).read()


def test_a_star_that_was_learnt_from_one_file_is_known_from_all_files_of_the_survey(tmp_path):
    g, r = (write(tmp_path, name, ["1", "2"]) for name in ("s_g.npz", "s_r.npz"))
    joint, alone = LabelledFile(g, "kind", {"A": "A"}, bands=(r,)), LabelledFile(r, "kind", {"A": "A"})
    both, single = (file.identities(file.read().survey) for file in (joint, alone))
    for kept, asked in ((both, single), (single, both), (both, both)):
        known = KnownStars.of(kept.kept(), np.zeros(len(kept.names), np.int8))
        assert (known.folds_of(asked.asked()[0])[1] != UNKNOWN_FOLD).all()
    other = Identities("t", single.names, single.links, single.ra, single.dec)
    known = KnownStars.of(both.kept(), np.zeros(len(both.names), np.int8))
    assert (known.folds_of(other.asked()[0])[1] == UNKNOWN_FOLD).all()


def test_every_file_of_a_survey_is_in_the_provenance(tmp_path):
    g, r = (write(tmp_path, name, ["1", "2"]) for name in ("s_g.npz", "s_r.npz"))
    told = provenance([LabelledFile(g, "kind", {"A": "A"}, bands=(r,))], {"s": {"folded": 2}})
    assert [each["name"] for each in told] == ["s_g", "s_r"]
    assert [each["survey"] for each in told] == ["s", "s"]
    assert [each["stars_observed"] for each in told] == [{"folded": 2}, {}]
    assert told[0]["sha256"] != told[1]["sha256"] or g.read_bytes() == r.read_bytes()


def test_public_surveys_of_two_files_are_read_as_one(shared_data):
    paths = [shared_data / "lightcurves" / f"sdss_s82_rrl_{band}.npz" for band in "gr"]
    (group,) = by_survey(paths)
    survey = known_file(*group).read().survey
    stars = stars_in_bands(survey)
    assert len(stars) == 403  # of both files
    assert set(np.diff(stars.offsets)) == {2}
    assert set(stars.band.tolist()) == {1, 2}
