import base64
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from training.errors import SettingsError, TrainingError
from training.report.curve_plots import training_plot
from training.report.html import Figure, Section, Table, write_report

VOID = {"meta", "img"}


class Page(HTMLParser):
    """What a page holds; parsing fails where a tag is not closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1], data))

    def text(self, tag: str) -> list[str]:
        return [data for owner, data in self.texts if owner == tag]

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def png(tmp_path) -> Path:
    mc = np.linspace(0.7, 0.9, 4)
    return training_plot({"training": mc}, mc, tmp_path / "training.png", best=None)


def report(tmp_path: Path, *sections: Section, title: str = "Report", summary: tuple[str, ...] = ()) -> Page:
    write_report(tmp_path / "report.html", title, summary, sections)
    return Page(tmp_path / "report.html")


def cells(page: Page) -> list[bool]:
    """Whether each header, then each cell, is aligned as a number."""
    return [attrs.get("class") == "number" for tag, attrs in page.tags if tag in ("th", "td")]


def test_an_embedded_figure_is_the_file_beside_the_report(tmp_path, png):
    page = report(tmp_path, Section("Fit", figures=(Figure(png, 'Mc of the "U" model'),)))
    (image,) = page.attributes("img")
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data, validate=True) == png.read_bytes()
    assert image["alt"] == 'Mc of the "U" model'
    assert page.text("figcaption") == ['Mc of the "U" model']


def test_the_report_fetches_nothing_and_runs_nothing(tmp_path, png):
    table = Table("Classes", ("class", "n"), (("EB", "3"),))
    page = report(tmp_path, Section("All", ("Text.",), (table,), (Figure(png, "a"),)), summary=("Short.",))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base", "form"}
    links = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")]
    assert links
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not any(word in text for word in ("http:", "https:", "url(", "@import"))


def test_the_report_is_an_html5_page_for_light_and_dark_screens(tmp_path):
    page = report(tmp_path, Section("One"), title="A & B")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert {"charset": "utf-8"} in page.attributes("meta")
    assert page.text("title") == page.text("h1") == ["A & B"]
    assert "prefers-color-scheme: dark" in page.text("style")[0]


def test_the_contents_lead_to_every_section_in_order(tmp_path):
    page = report(tmp_path, Section("Data"), Section("Fit"), Section("Data"))
    assert page.text("a") == page.text("h2") == ["Data", "Fit", "Data"]
    targets = [attrs["href"] for attrs in page.attributes("a")]
    assert targets == [f"#{attrs['id']}" for attrs in page.attributes("section")]
    assert len(set(targets)) == 3


def test_every_text_is_shown_as_it_was_given(tmp_path, png):
    evil = "<script>alert('\"1\" & 2')</script>"
    page = report(
        tmp_path,
        Section(evil, (evil,), (Table(evil, (evil, "n"), ((evil, evil),), note=evil),), (Figure(png, evil),)),
        title=evil,
        summary=(evil,),
    )
    assert "script" not in {tag for tag, _ in page.tags}
    for tag in ("title", "h1", "h2", "a", "caption", "td", "figcaption"):
        assert page.text(tag) == [evil], tag
    assert page.text("p") == [evil] * 3  # summary, paragraph, note
    assert page.text("th") == [evil, "n", evil]
    assert page.attributes("img")[0]["alt"] == evil


def test_backticks_make_code_and_nothing_else_is_markup(tmp_path):
    page = report(tmp_path, Section("One", ("Run `train --seed <n>` **now**, not `later",)))
    assert page.text("code") == ["train --seed <n>"]
    assert page.text("p") == ["Run ", " **now**, not `later"]


@pytest.mark.parametrize(
    ("values", "numeric"),
    [
        (("0.9043", "-1"), True),
        (("0.9015 \u00b1 0.0002", "0.90 +- 0.01"), True),
        (("10,969", "1.8e-3", "96.5 %", "\u22120.2", "50%"), True),
        (("0.97", "\u2013", ""), True),
        (("0.97", "EB_ED"), False),
        (("32 \u2192 64", "64"), False),
        (("", "\u2013"), False),
    ],
)
def test_a_column_is_aligned_as_numbers_if_all_it_has_is_numbers(tmp_path, values, numeric):
    table = Table("t", ("class", "value"), tuple(("name", value) for value in values))
    assert cells(report(tmp_path, Section("One", tables=(table,)))) == [False, numeric] * (len(values) + 1)


def test_a_row_that_does_not_fit_its_header_is_refused():
    with pytest.raises(TrainingError, match=r"table 'Classes' has 2 columns, but 1 cells in the row EB"):
        Table("Classes", ("class", "n"), (("EB",),))


def test_a_figure_that_is_missing_or_no_png_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"cannot read the figure .*none\.png: No such file"):
        report(tmp_path, Section("One", figures=(Figure(tmp_path / "none.png", ""),)))
    (tmp_path / "text.png").write_text("GIF89a")
    with pytest.raises(TrainingError, match=r"text\.png is not a PNG"):
        report(tmp_path, Section("One", figures=(Figure(tmp_path / "text.png", ""),)))
    assert not (tmp_path / "report.html").exists()


def test_a_report_that_cannot_be_written_names_its_path(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match=r"cannot write the report .*file/report\.html"):
        write_report(tmp_path / "file" / "report.html", "Report", (), (Section("One"),))
