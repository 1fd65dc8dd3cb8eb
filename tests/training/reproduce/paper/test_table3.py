"""Networks of other sizes: Table 3."""

import itertools

import pytest

from tests.training.reproduce.experiments import mean_of, rows_of
from training.reproduce.paper.table3 import PAPER_TABLE_3, architectures, named, size_of


@pytest.mark.parametrize("widths", PAPER_TABLE_3, ids=str)
def test_a_network_is_as_large_as_its_layers_and_as_the_papers(widths):
    sizes = [16, *widths, 21]
    numbers = sum(a * b + b for a, b in itertools.pairwise(sizes)) + 4 * sum(sizes)
    assert size_of(widths, 21) == 4 * numbers
    text = PAPER_TABLE_3[widths][2].split()
    paper = float(text[0]) * {"KB": 1e3, "MB": 1e6}[text[1]]
    # The paper's are files, with some 3 KB beside the numbers, and rounded.
    assert size_of(widths, 21) == pytest.approx(paper, rel=0.11, abs=3500)


def test_table_3_has_thirteen_rows_beside_the_papers(source_bench, stars_by_period):
    section = architectures(source_bench, *stars_by_period)
    rows = rows_of(section)
    assert len(rows) == 13
    assert rows[named((64, 128, 256))]["paper's mean"] == "0.9015 ± 0.00022"
    for row in rows.values():
        assert float(row["best (on test)"]) >= float(row["best (on validation)"])
        assert 0.0 <= mean_of(row["mean (on validation)"]) <= 1.0
    assert "2 of 1" in section.paragraphs[1]
