import io
import re

import pytest
from rich.console import Console

from training.progress import Bars, rate


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_goes_and_leaves_a_line(terminal):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, height=24, color_system=None)
    with Bars(console=console) as bars:
        for number in range(40):  # more than a screen holds
            with bars.bar(f"part {number}", 3) as advance:
                advance(2)
                advance(1)
        with pytest.raises(ZeroDivisionError), bars.bar("broken", 5) as advance:
            advance(1 // 0)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", screen.getvalue())
    done = re.findall(r"(part \d+): 3 in 0\.\d s, [\d,]+/s\n", text)
    assert done == [f"part {number}" for number in range(40)]
    assert "broken: 5" not in text
    if not terminal:
        assert text.count("\n") == 40  # nothing but the lines


def test_nothing_is_shown_where_nobody_looks(capfd):
    with Bars(quiet=True) as bars, bars.bar("part", 3) as advance:
        advance(3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("steps", "seconds", "text"),
    [(15000, 450.0, "33/s"), (12345678, 2.0, "6,172,839/s"), (3, 12.0, "0.25/s")],
)
def test_a_slow_rate_has_digits_too(steps, seconds, text):
    assert rate(steps, seconds) == text
