"""The templates of pages and cards, and how they write values."""

import pytest
from jinja2 import UndefinedError

from training.report.rendering import count, decimals, percent, render


def test_a_value_that_a_template_names_and_nobody_gives_is_an_error():
    with pytest.raises(UndefinedError, match="'sections' is undefined"):
        render("report.html.jinja", title="Report", summary=())


def test_prose_of_the_card_is_not_escaped_and_of_a_page_is():
    training = {"seen_in_pretraining": ["R & <i>"]}
    said = render("pretraining.md.jinja", training=training)
    assert "of R & <i>, in another guise" in said
    assert "of R &amp; &lt;i&gt;, in" in render("report.html.jinja", title="", summary=[said], sections=[])


def test_where_nothing_was_known_nothing_is_said():
    assert render("pretraining.md.jinja", training={}) == ""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (decimals(2 / 3), "0.667"),
        (decimals(2 / 3, 0), "1"),
        (decimals(None), ""),
        (percent(0.977), "98%"),
        (percent(0.977, 1), "97.7%"),
        (percent(None), ""),
        (count(1_234_567), "1,234,567"),
        (count(4936.2), "4,936"),
    ],
)
def test_values_are_written_as_tables_show_them(written, expected):
    assert written == expected
