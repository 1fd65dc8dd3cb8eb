"""What the demo shows of a few records made by hand."""

from __future__ import annotations

import io

from rich.console import Console

from broker.demo.view import Scoreboard, report
from broker.monitor.counts import Counts


def record(object_id, n_epochs, label, probability, band="g"):
    return {
        "object_id": object_id,
        "band": band,
        "n_epochs": n_epochs,
        "label": label,
        "probability": probability,
        "probabilities": None if probability is None else {"RRL": probability, "DSCT": 1.0 - probability},
        "features": {"period": 0.5},
    }


def shown(*records):
    """Rows of the report's two tables, cell by cell."""
    board = Scoreboard({"a": "RRL", "b": "DSCT", "c": "other"}, ("RRL", "DSCT"))
    for each in records:
        board.add(each)
    out = io.StringIO()
    report(Console(file=out, width=120), board, Counts(), 1.0)
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.getvalue().splitlines()]


def test_a_class_is_shown_with_its_probability_and_counted_right_or_wrong():
    rows = shown(record("a", 12, "RRL", 0.8), record("b", 15, "RRL", 0.7))
    assert ["a", "g", "12", "RRL", "0.80", "0.5", "RRL"] in rows
    assert ["10-19", "2", "0.0%", "50.0%"] in rows


def test_a_light_curve_without_a_label_is_unsure_and_neither_right_nor_wrong():
    rows = shown(record("a", 12, "RRL", 0.8), record("b", 15, None, 0.55))
    assert ["b", "g", "15", "unsure", "0.55", "0.5", "DSCT"] in rows
    assert ["10-19", "2", "50.0%", "100.0%"] in rows


def test_where_no_label_was_given_none_is_right():
    assert ["160+", "1", "100.0%", "-"] in shown(record("a", 200, None, 0.55))


def test_what_was_not_scored_is_not_shown_and_a_class_the_model_lacks_not_counted():
    rows = shown(record("a", 5, None, None), record("c", 30, "RRL", 0.9))
    assert not any(row[:1] == ["a"] for row in rows)
    assert ["c", "g", "30", "RRL", "0.90", "0.5", "other"] in rows
    assert not any(row[:1] == ["20-39"] for row in rows)


def test_where_a_star_has_a_record_of_all_bands_it_stands_alone_and_is_counted_by_itself():
    rows = shown(
        record("a", 12, "DSCT", 0.6),
        record("b", 15, "DSCT", 0.7, "r"),
        record("a", 25, "RRL", 0.9, "all"),
        record("a", 13, None, 0.5),
        record("a", 14, "DSCT", 0.5, "r"),
    )
    table = [row for row in rows if row[:1] in (["a"], ["b"])]
    assert [row[:4] for row in table] == [["b", "r", "15", "DSCT"], ["a", "all", "25", "RRL"]]
    assert rows.index(["20-39", "1", "0.0%", "100.0%"]) < rows.index(["10-19", "4", "25.0%", "33.3%"])


def test_the_tables_say_of_which_epochs_they_are():
    board = Scoreboard({"a": "RRL"}, ("RRL",))
    out = io.StringIO()
    board.add(record("a", 25, "RRL", 0.9, "all"))
    assert board.counted == "objects"
    board.add(record("a", 12, "RRL", 0.9))
    assert board.counted == "objects"
    report(Console(file=out, width=120), board, Counts(), 1.0)
    said = out.getvalue()
    assert said.index("number of epochs over all bands") < said.index("number of epochs in the band")
