"""The page beside a transferred model, read by a parser of HTML."""

import base64
import html
import re
import struct
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from schemas.model.manifest import load_manifest
from training.crossfit.learning_curve import LearningCurve
from training.report.model_page import write_page

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Tables as lists of rows, prose, and images; refuses tags that do not close as they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.captions: list[str] = []
        self.images: list[bytes] = []
        self.prose: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            if tag == "img":
                kind, data = dict(attrs)["src"].split(",", 1)
                assert kind == "data:image/png;base64"
                self.images.append(base64.b64decode(data, validate=True))
            return
        self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        elif tag == "p":
            self.prose.append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if {"th", "td"} & set(self._open):
            self.tables[-1][-1][-1] += data
        elif "caption" in self._open:
            self.captions.append(data)
        elif "p" in self._open:
            self.prose[-1] += data


@pytest.fixture(scope="module")
def page(transferred) -> Page:
    return Page((transferred / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifest(transferred):
    return load_manifest(transferred)


def test_the_page_says_what_was_measured_and_how_the_model_was_made(page, manifest):
    full = manifest.metrics["all_surveys"]["all"]
    assert f"Mc = {full['mc']:.3f} ± {full['mc_error']:.3f}" in page.prose[0]
    assert "2 classes from 16 features" in page.prose[0]
    assert f"of {full['n']} complete light curves of {full['n_stars']} stars" in page.prose[0]
    assert any("Transferred, last-layer" in paragraph for paragraph in page.prose)
    assert page.captions == ["By class", "By number of epochs", "Mc by number of labelled light curves"]


def test_scores_of_the_classes_are_those_of_the_manifest(page, manifest):
    header, *rows = page.tables[0]
    assert header == ["class", "light curves", "precision", "recall", "F1"]
    per_class = manifest.metrics["all_surveys"]["per_class"]
    assert [row[0] for row in rows] == list(per_class) == ["NonVar", "VAR"]
    for row, score in zip(rows, per_class.values(), strict=True):
        assert int(row[1]) == score["n"]
        expected = [score[key] for key in ("precision", "recall", "f1")]
        assert [float(cell) for cell in row[2:]] == pytest.approx(expected, abs=5e-4)


def test_precision_recall_and_f1_are_under_their_names(manifest, tmp_path):
    per_class = {"A": {"n": 7, "precision": 0.25, "recall": 0.5, "f1": 1 / 3}}
    per_class["B"] = {"n": 0, "precision": None, "recall": None, "f1": None}
    metrics = {**manifest.metrics}
    metrics["all_surveys"] = {**metrics["all_surveys"], "per_class": per_class}
    path = write_page(tmp_path, replace(manifest, metrics=metrics), curve(None))
    _, *rows = Page(path.read_text(encoding="utf-8")).tables[0]
    assert rows == [["A", "7", "0.250", "0.500", "0.333"], ["B", "0", "", "", ""]]


def test_every_bin_of_the_reliability_is_a_row(page, manifest):
    _, *rows = page.tables[1]
    assert len(rows) == len(manifest.reliability) > 1
    for row, each in zip(rows, manifest.reliability, strict=True):
        numbers = [float(number) for number in re.findall(r"[\d.]+", " ".join(row[:4]))]
        end = [] if each["n_epochs_max"] is None else [each["n_epochs_max"]]
        shown = [each["mc"], each["mc_error"], 100.0 * each["accuracy"], each["calibration_error"]]
        assert numbers == pytest.approx([each["n_epochs_min"], *end, *shown], abs=0.051)
        assert float(row[5]) == pytest.approx(each["accuracy_when_sure"], abs=5e-4)
    assert rows[-1][0].endswith("and more")


def test_the_calibration_error_stands_beside_what_chance_makes_of_it(page, manifest):
    (said,) = (each for each in page.prose if "by chance" in each)
    complete = manifest.metrics["calibration"]["all"]
    numbers = [float(number) for number in re.findall(r"0\.\d+", said)]
    assert numbers == pytest.approx(
        [complete["calibration_error"], complete["calibration_noise"]], abs=5.1e-4
    )
    assert 0.0 < numbers[1] < 0.1  # of 180 light curves


def test_of_stars_that_were_known_before_no_learning_curve_is_drawn(manifest, tmp_path):
    known = {"in_folds": {"waves": 170}, "left_out": {"waves": 2}, "in_others": {}}
    training = {**manifest.training, "known_from_pretraining": known}
    page = Page(write_page(tmp_path, replace(manifest, training=training), None).read_text(encoding="utf-8"))
    assert page.captions == ["By class", "By number of epochs"]
    assert any("170 labelled light curves are of stars that the network knew" in each for each in page.prose)
    assert any("2 labelled light curves are left out" in each for each in page.prose)
    assert "has already learnt from labels of these stars" in page.prose[-1]
    assert len(page.images) == 2


def test_more_labels_come_with_their_number(page):
    _, *rows = page.tables[2]
    assert [int(row[0]) for row in rows] == [18, 36, 72, 144]  # four fifths of 22.5, 45, 90 and 180
    assert all(0.5 <= float(row[1].split(" ± ")[0]) <= 1.0 for row in rows)


def test_the_plots_are_in_the_page_and_beside_it(page, transferred):
    files = [transferred / "figures" / f"{name}.png" for name in ("confusion", "reliability", "labels")]
    assert page.images == [file.read_bytes() for file in files]
    for image in page.images:
        width, height = struct.unpack(">II", image[16:24])  # of the header chunk of a PNG
        assert min(width, height) > 300


def test_the_page_fetches_nothing(transferred):
    text = html.unescape((transferred / "report.html").read_text(encoding="utf-8"))
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", text)
    assert "<script" not in text


def curve(forecast) -> LearningCurve:
    numbers = np.array([10, 20, 40, 1234])
    return LearningCurve(numbers, np.array([0.7, 0.75, 0.8, 0.85]), np.full(4, 0.01), forecast)


def test_the_forecast_is_told_with_todays_number(manifest, tmp_path):
    ahead = (np.array([10.0, 1234.0, 4936.0]), np.array([0.7, 0.85, 0.9]))
    page = Page(write_page(tmp_path, manifest, curve(ahead)).read_text(encoding="utf-8"))
    said = "Mc = 0.900 with 4,936 labelled light curves, after 0.850 with 1,234."
    assert any(said in paragraph for paragraph in page.prose)


def test_without_a_law_nothing_is_forecast(manifest, tmp_path):
    page = Page(write_page(tmp_path, manifest, curve(None)).read_text(encoding="utf-8"))
    assert any("no forecast is made" in paragraph for paragraph in page.prose)
    assert not any("If the curve goes on" in paragraph for paragraph in page.prose)


def test_a_model_that_is_never_sure_has_an_empty_cell(manifest, tmp_path):
    never = tuple({**each, "accuracy_when_sure": None, "abstained": 1.0} for each in manifest.reliability)
    page = Page(
        write_page(tmp_path, replace(manifest, reliability=never), curve(None)).read_text(encoding="utf-8")
    )
    assert all(row[4:] == ["100%", ""] for row in page.tables[1][1:])


def test_what_a_user_names_a_model_is_no_markup(manifest, tmp_path):
    name = "<b>RR & Lyrae</b>"
    text = write_page(tmp_path, replace(manifest, name=name), curve(None)).read_text(encoding="utf-8")
    assert "<b>" not in text
    assert html.escape(name) in text
    Page(text)
