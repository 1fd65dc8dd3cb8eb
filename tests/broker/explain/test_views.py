"""Table and picture say the same, in words as well as in bars."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from rich.console import Console

from broker.explain import picture
from broker.explain.picture import draw
from broker.explain.table import bar, show
from broker.explain.words import heading, lines
from features import FEATURE_NAMES, FEATURE_UNITS
from schemas.classification import classification_schema
from tests.broker.explain.stars import why

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def said():
    return why()


@pytest.fixture(scope="module")
def clipped(said):
    return replace(said, answer={**said.answer, "out_of_range": ["period"]})


@pytest.fixture(scope="module")
def within(said):
    return replace(said, answer={**said.answer, "out_of_range": []})


def printed(said, width=80):
    out = io.StringIO()
    show(Console(file=out, width=width, highlight=False), said)
    return out.getvalue()


def luminance(colour):
    """Of a colour #rrggbb (WCAG 2.2, relative luminance)."""
    channels = [int(colour[place : place + 2], 16) / 255.0 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_units_are_those_that_the_record_documents():
    (features,) = (field for field in classification_schema()["fields"] if field["name"] == "features")
    documented = {
        field["name"]: found[1]
        for field in features["type"]["fields"]
        if (found := re.search(r"\[([^]]+)\]", field["doc"]))
    }
    assert documented == FEATURE_UNITS


def test_every_feature_has_a_line_from_most_for_to_most_against(said):
    table = lines(said)
    assert sorted(line.feature for line in table) == sorted(FEATURE_NAMES)
    assert [line.added for line in table] == sorted(said.shapley.values.tolist(), reverse=True)
    for line in table:
        assert float(line.value) == pytest.approx(said.answer["features"][line.feature], rel=1e-3)


def test_the_table_fits_in_80_columns_and_has_all_numbers(said):
    text = printed(said)
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()[0] in FEATURE_NAMES}
    assert rows.keys() == set(FEATURE_NAMES)
    assert max(map(len, rows.values())) <= 80
    for line in lines(said):
        assert f"{line.added:+.2f}" in rows[line.feature]
        assert line.measured in rows[line.feature]
    assert said.best in text
    assert f"{said.answer['probability']:.2f}" in text


def test_bars_are_as_long_as_the_values_and_none_is_lost():
    assert [len(bar(share)) for share in (1.0, 0.5, 0.25, 1e-9, 0.0)] == [14, 7, 4, 1, 0]


def test_an_answer_without_a_label_is_said_to_be_none(said):
    unsure = replace(said, answer={**said.answer, "label": None})
    assert heading(unsure).startswith(f"ZTF18abcdefg may be {said.best} (")
    assert "without a label" in heading(unsure)
    assert "without a label" in draw(unsure)


def test_a_clipped_feature_is_marked_and_the_mark_explained(within, clipped):
    for text in (printed(clipped), draw(clipped)):
        assert "* outside of the training range" in text
        assert " d*" in text
    assert "*" not in printed(within)


def test_the_picture_has_a_bar_a_feature_as_long_as_its_value_and_to_its_side(said):
    root = ET.fromstring(draw(said))
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("class") in ("for", "against")]
    table = lines(said)
    assert [each.get("class") for each in bars] == ["for" if x.added >= 0 else "against" for x in table]
    widths = [float(each.get("width")) for each in bars]
    scale = widths[0] / abs(table[0].added)
    assert widths == pytest.approx([max(abs(x.added) * scale, 0.5) for x in table], abs=0.15)
    zero = float(bars[0].get("x"))
    for each, line in zip(bars, table, strict=True):
        left = float(each.get("x"))
        edge = left if line.added >= 0 else left + float(each.get("width"))
        assert edge == pytest.approx(zero, abs=0.15)


def test_the_picture_says_all_of_it_in_words_too(said):
    root = ET.fromstring(draw(said))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby").split() == [title.get("id"), description.get("id")]
    assert title.text == heading(said)
    for line in lines(said):
        assert f"{line.feature} of {line.measured} adds {line.added:+.2f}" in description.text


def test_everything_is_inside_the_picture(clipped):
    root = ET.fromstring(draw(clipped))
    width, height = float(root.get("width")), float(root.get("height"))
    for each in root.iter(f"{SVG}text"):
        size = 9.5 if each.get("class") == "title" else 7.2  # px a character, of a wide typeface
        x, y, length = float(each.get("x")), float(each.get("y")), size * len(each.text)
        left = x - length * {"start": 0.0, "middle": 0.5, "end": 1.0}[each.get("text-anchor")]
        assert 0.0 <= left <= left + length <= width, each.text
        assert 0.0 < y < height


def test_it_is_legible_in_light_and_dark():
    """Text has a contrast of 4.5 with the card, bars one of 3 (WCAG 2.2, 1.4.3 and 1.4.11)."""
    light, _, dark = picture.STYLE.partition("@media")
    for sheet in (light, dark):
        fills = dict(re.findall(r"\.?(\w+) \{ fill: (#\w{6})", sheet))
        card = fills["card"]
        assert min(contrast(fills[name], card) for name in ("text", "quiet")) >= 4.5
        assert min(contrast(fills[name], card) for name in ("for", "against")) >= 3.0


def test_names_are_escaped(said):
    strange = replace(said, object_id="<b>&[red]", answer=said.answer)
    ET.fromstring(draw(strange))
    assert "<b>&[red] is" in printed(strange, width=200) or "<b>&[red] may be" in printed(strange, width=200)
