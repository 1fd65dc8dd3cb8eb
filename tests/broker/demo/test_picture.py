"""The picture of a classification: what is drawn is where the numbers say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.classify.classifier import Classifier
from broker.demo.picture import HEIGHT, WIDTH, draw
from broker.demo.readme_picture import draw_story
from broker.demo.svg_panel import Panel, ticks
from schemas.model.artifact import Artifact
from tests.broker.epochs import made_series
from tests.broker.streams import classifier, fusing

SVG = "{http://www.w3.org/2000/svg}"


def record(n_epochs, **probabilities):
    label = max(probabilities, key=probabilities.get) if probabilities else None
    return {
        "survey": "ztf",
        "object_id": "ZTF18abc",
        "band": "g",
        "n_epochs": n_epochs,
        "label": label,
        "probability": probabilities.get(label),
        "probabilities": probabilities or None,
        "features": {"period": 0.5},
    }


def series(band, n=40):
    time = 60000.0 + np.arange(n) * 3.1
    return made_series(band, time, 15.0 + 0.4 * np.sin(time), np.full(n, 0.02))


RECORDS = [
    record(9),
    record(10, RRL_ab=0.3, RRL_c=0.6, DSCT=0.1),
    record(30, RRL_ab=0.8, RRL_c=0.15, DSCT=0.05),
    record(40, RRL_ab=0.95, RRL_c=0.03, DSCT=0.02),
    record(50, RRL_ab=0.97, RRL_c=0.02, DSCT=0.01),
]


def areas(svg):
    """Class of each band of probability -> its corners in pixels."""
    found = {}
    for path in ET.fromstring(svg).iter(f"{SVG}path"):
        css = path.get("class", "")
        if css.startswith("share "):
            numbers = [float(v) for v in re.findall(r"[-\d.]+", path.get("d"))]
            found[css.removeprefix("share ")] = np.reshape(numbers, (-1, 2))
    return found


def words(svg):
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_title_says_what_was_decided_and_when():
    assert words(draw(RECORDS, [series("g")]))[0] == (
        "ZTF18abc is RRL_ab with probability 0.97 after 50 epochs in g"
    )


def test_a_picture_of_all_bands_together_says_so():
    together = [{**each, "band": "all"} for each in RECORDS]
    said = words(draw(together, [series("g"), series("r")]))
    assert said[0] == "ZTF18abc is RRL_ab with probability 0.97 after 50 epochs in all bands"
    assert "epochs in all bands so far" in said


def test_the_story_of_a_star_is_that_of_all_its_bands_where_the_model_tells_it():
    assert "epochs in all bands so far" in words(draw_story(fusing(), true_class="RRL_ab", seed=6))
    assert not any(
        "all bands" in said for said in words(draw_story(fusing(fused=None), true_class="RRL_ab", seed=6))
    )


def test_the_answer_is_marked_from_when_it_stayed_above_nine_tenths():
    assert "RRL_ab above 0.9 from 40 epochs on" in words(draw(RECORDS, [series("g")]))


def test_an_answer_that_is_never_sure_has_no_mark():
    assert not any("above" in w for w in words(draw(RECORDS[:3], [series("g")])))


def test_a_model_that_abstained_at_the_end_is_called_unsure_and_has_no_mark():
    unsure = {**RECORDS[-1], "label": None}
    said = words(draw([*RECORDS[:-1], unsure], [series("g")]))
    assert said[0] == "ZTF18abc is unsure after 50 epochs in g: RRL_ab has probability 0.97"
    assert not any("above" in w for w in said)


def test_a_star_is_drawn_even_where_the_model_never_gave_it_a_class():
    artifact = classifier()._artifact
    cautious = replace(artifact.manifest, abstain_below=0.999999)
    svg = draw_story(Classifier(Artifact(cautious, artifact._session)), true_class="LPV", seed=1)
    assert " is unsure after " in words(svg)[0]
    assert areas(svg)


def test_the_bands_of_probability_fill_the_panel_and_share_their_edges():
    corners = areas(draw(RECORDS, [series("g")]))
    assert list(corners) == ["c0", "c1", "c2", "other"]
    n = len(RECORDS) - 1
    upper = {css: xy[:n, 1] for css, xy in corners.items()}
    lower = {css: xy[n:, 1][::-1] for css, xy in corners.items()}
    height = lower["c0"][0] - upper["other"][0]
    # The answer is at the bottom: its thickness is its probability, to a tenth of a pixel as written.
    assert (lower["c0"] - upper["c0"]) / height == pytest.approx([0.3, 0.8, 0.95, 0.97], abs=0.002)
    np.testing.assert_array_equal(lower["c1"], upper["c0"])
    np.testing.assert_array_equal(lower["other"], upper["c2"])


def test_epochs_are_drawn_twice_once_by_time_and_for_two_cycles_by_phase():
    svg = draw(RECORDS, [series("g", 40), series("r", 7)])
    dots = {"g": 0, "r": 0}
    for path in ET.fromstring(svg).iter(f"{SVG}path"):
        if path.get("class") in dots and "a2.2" in path.get("d"):
            dots[path.get("class")] += path.get("d").count("M")
    assert dots == {"g": 3 * 40, "r": 3 * 7}


def test_everything_is_inside_the_picture():
    for xy in areas(draw(RECORDS, [series("g")])).values():
        assert ((xy >= 0.0) & (xy <= [WIDTH, HEIGHT])).all()


def test_a_class_without_room_for_its_name_is_named_below():
    svg = draw(
        [record(10, A=0.89, B=0.11), *(record(n, A=0.98, B=0.02) for n in range(11, 60))], [series("g")]
    )
    assert "B" in words(svg)


def test_classes_that_are_named_below_leave_the_name_of_the_axis_free():
    early = record(10, A=0.2, **dict.fromkeys("BCDEF", 0.16))
    late = [record(n, A=0.98, **dict.fromkeys("BCDEF", 0.004)) for n in range(11, 80)]
    places = {
        text.text: float(text.get("y", "nan"))
        for text in ET.fromstring(draw([early, *late], [series("g")])).iter(f"{SVG}text")
    }
    below = [places[name] for name in "BCDEF" if name in places]
    assert len(below) > 1
    assert min(below) > places["epochs in g so far"] + 13  # the height of the letters


def test_a_single_score_can_be_drawn():
    assert "other" in areas(draw([record(12, RRL_ab=1.0)], [series("g")]))


def test_names_are_escaped():
    svg = draw(RECORDS, [series("g")], title="<b> & co")
    assert words(svg)[0] == "<b> & co"


def test_the_same_records_make_the_same_picture():
    assert draw(RECORDS, [series("g")]) == draw(RECORDS, [series("g")])


def test_records_of_several_bands_are_refused():
    with pytest.raises(ValueError, match="one object in one band"):
        draw([*RECORDS, {**RECORDS[0], "band": "r"}], [series("g")])


def test_records_without_a_score_are_refused():
    with pytest.raises(ValueError, match="none of the 1 annotations"):
        draw(RECORDS[:1], [series("g")])


def test_magnitudes_run_downwards():
    panel = Panel(10.0, 20.0, 100.0, 50.0, (0.0, 4.0), (16.0, 14.0))
    assert (panel.x(1.0), panel.y(14.0), panel.y(16.0)) == (35.0, 20.0, 70.0)


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0.0, 50.0, 5, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),
        (14.3, 15.6, 5, [14.5, 15.0, 15.5]),
        (0.0, 365.0, 6, [0.0, 100.0, 200.0, 300.0]),
        (3.0, 3.0, 5, [3.0]),
    ],
)
def test_ticks_are_round(low, high, about, expected):
    assert ticks(low, high, about) == expected


@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e4), about=st.integers(1, 10))
def test_ticks_are_inside_and_never_more_than_asked_for(low, width, about):
    places = ticks(low, low + width, about)
    assert len(places) <= about + 1
    slack = 1e-6 * (abs(low) + width)
    assert all(low - slack <= place <= low + width + slack for place in places)
