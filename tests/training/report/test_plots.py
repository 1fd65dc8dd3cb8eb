import struct
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import same_color, to_hex
from matplotlib.figure import Figure

from training.errors import SettingsError
from training.report.curve_plots import (
    duration_plot,
    fractions_plot,
    learning_curve_plot,
    paired_training_plot,
    training_plot,
)
from training.report.plots import confusion_plot, importance_plot, probabilities_plot, reliability_plot

CONFUSION = np.array([[991, 9, 0], [25, 74, 1], [0, 0, 0]])
CLASSES = ["RRL_ab", "_odd", "a $ sign"]
RISE = np.array([0.6, 0.7, 0.8])
SEM = np.array([0.03, 0.02, 0.01])
SHARE = np.array([0.03, 0.2, 1.0])
STARS = np.array([100, 200, 400])

PLOTS = {
    "confusion": lambda path: confusion_plot(CONFUSION, CLASSES, path, title="costs $5"),
    "probabilities": lambda path: probabilities_plot(np.array([0.9, 0.61]), np.array([0.05, 0.3]), path),
    "importance": lambda path: importance_plot(
        np.array([[1.0, 2.0, 0.5], [4.0, 0.0, 1.0]]), ["amplitude", "period"], CLASSES, path
    ),
    "reliability": lambda path: reliability_plot(
        {"all": (np.array([0.5, 0.9]), np.array([0.4, 0.95]), np.array([10, 40]))}, path, ece={"all": 0.0612}
    ),
    "training": lambda path: training_plot(
        {"training": RISE + 0.1, "validation": RISE}, np.array([0.1, 0.01, 0.001]), path, best=1
    ),
    "paired": lambda path: paired_training_plot([(RISE, RISE + 0.1 * i) for i in (1, 2, 3)], path),
    "fractions": lambda path: fractions_plot(
        {"scratch": (SHARE, RISE, SEM), "last-layer": (SHARE, RISE + 0.1, SEM)},
        path,
        base=(0.95, 0.01),
        paper={"last-layer": (SHARE, RISE - 0.1), "another": (SHARE, RISE - 0.2)},
    ),
    "duration": lambda path: duration_plot(
        np.array([[0.7, 0.8, 0.9], [np.nan, 0.85, 0.95]]), [20, 300], [30, 365, 1470], path, title="left"
    ),
    "learning": lambda path: learning_curve_plot(
        STARS, RISE, SEM, path, fitted=(np.array([100.0, 400.0, 1600.0]), np.array([0.6, 0.8, 0.9])), now=400
    ),
}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure, as it is when it is written."""
    written: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args, **kwargs) -> None:
        written.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", keep)
    return written


@pytest.fixture
def draw(figures, tmp_path):
    """Draw one of the plots above and return its figure."""

    def drawn(name: str) -> Figure:
        PLOTS[name](tmp_path / "plot.png")
        return figures[-1]

    return drawn


def names_in_legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def tick_names(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_writes_a_png_of_130_dots_an_inch_and_returns_its_path(name, figures, tmp_path):
    path = tmp_path / "new" / "plot.png"
    assert PLOTS[name](path) == path
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])  # the IHDR chunk is always the first
    assert (width, height) == pytest.approx(130 * figures[0].get_size_inches(), abs=1)
    assert width <= 1300


def test_the_same_plot_has_the_same_bytes(tmp_path):
    first, second = (PLOTS["fractions"](tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second


def test_a_plot_that_cannot_be_written_names_its_path(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match=r"cannot write the figure .*file/plot\.png"):
        PLOTS["duration"](tmp_path / "file" / "plot.png")


def test_plots_change_nothing_global(tmp_path):
    before = dict(mpl.rcParams)
    PLOTS["confusion"](tmp_path / "plot.png")
    assert dict(mpl.rcParams) == before
    code = "import sys, training.report.curve_plots; print('matplotlib.pyplot' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"


def test_a_confusion_matrix_shows_fractions_of_the_true_class_from_one_per_cent_on(draw):
    axes = draw("confusion").axes[0]
    written = {text.get_position(): text.get_text() for text in axes.texts}  # (predicted, true), true down
    assert written == {(0, 0): "0.99", (0, 1): "0.25", (1, 1): "0.74", (2, 1): "0.01"}
    assert tick_names(axes.xaxis) == tick_names(axes.yaxis) == CLASSES
    assert axes.yaxis_inverted()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    shown = axes.images[0].get_array()
    assert np.ma.filled(shown[:2].sum(axis=1), -1.0) == pytest.approx([1.0, 1.0])
    assert shown.mask[2].all()
    stars = axes.child_axes[0]
    assert tick_names(stars.yaxis) == ["1,000", "100", "0"]


def test_twenty_one_classes_leave_room_for_their_numbers(figures, tmp_path):
    names = [f"LPV_Mira_AGB_{i}" for i in range(21)]
    confusion_plot(np.full((21, 21), 7), names, tmp_path / "plot.png", title="")
    axes = figures[0].axes[0]
    cell = axes.get_window_extent().width / 21
    assert len(axes.texts) == 441
    assert max(text.get_window_extent().width for text in axes.texts) < 0.9 * cell


def test_histograms_count_probabilities_and_their_differences(draw):
    upper, lower = draw("probabilities").axes
    for patch, values in zip(
        [*upper.patches, *lower.patches], [[0.61, 0.9], [0.05, 0.3], [0.31, 0.85]], strict=True
    ):
        counts, edges, _ = patch.get_data()
        assert np.histogram(values, edges)[0].tolist() == counts.tolist()
        assert counts.sum() == 2
        assert np.diff(edges) == pytest.approx(0.02)
    assert names_in_legend(upper) == ["highest", "second highest"]


def test_the_most_important_feature_is_on_top_and_its_bars_add_up(draw):
    axes = draw("importance").axes[0]
    assert tick_names(axes.yaxis) == ["amplitude", "period"]  # from the bottom up: totals 3.5 and 5
    ends = [[bar.get_x() + bar.get_width() for bar in bars] for bars in axes.containers]
    assert ends == [[1.0, 4.0], [3.0, 4.0], [3.5, 5.0]]
    assert names_in_legend(axes) == CLASSES


def test_twenty_one_classes_differ_in_colour_or_hatch(figures, tmp_path):
    importance_plot(np.ones((1, 21)), ["period"], [f"class {i}" for i in range(21)], tmp_path / "p")
    bars = [bars[0] for bars in figures[0].axes[0].containers]
    assert len({(to_hex(bar.get_facecolor()), bar.get_hatch()) for bar in bars}) == 21


def test_a_reliability_diagram_has_a_diagonal_and_areas_that_grow_with_the_stars(draw):
    axes = draw("reliability").axes[0]
    diagonal, curve = axes.get_lines()
    assert (diagonal.get_xdata() == diagonal.get_ydata()).all()
    assert curve.get_xydata().tolist() == [[0.5, 0.4], [0.9, 0.95]]
    bins = axes.collections[0]
    assert bins.get_offsets().tolist() == [[0.5, 0.4], [0.9, 0.95]]
    assert bins.get_sizes()[1] / bins.get_sizes()[0] == pytest.approx(4.0)  # sizes are areas
    assert names_in_legend(axes) == ["all (ECE 0.061)"]


def test_the_arrow_points_to_the_best_training_epoch_counted_from_one(draw):
    upper, lower = draw("training").axes
    training, validation = upper.get_lines()
    assert validation.get_xydata().tolist() == [[1, 0.6], [2, 0.7], [3, 0.8]]
    assert training.get_ydata() == pytest.approx([0.7, 0.8, 0.9])
    assert (upper.texts[0].xy, upper.texts[0].get_text()) == ((2, 0.7), "best 0.7000 at 2")
    assert lower.get_yscale() == "log"
    assert lower.get_lines()[0].get_ydata().tolist() == [0.1, 0.01, 0.001]


def test_no_best_training_epoch_means_no_arrow(figures, tmp_path):
    training_plot({"training": RISE}, RISE, tmp_path / "plot.png", best=None)
    assert not figures[0].axes[0].texts


def test_each_pair_of_repeats_has_a_panel_and_the_fourth_of_three_is_empty(draw):
    panels = draw("paired").axes
    assert [panel.axison for panel in panels] == [True, True, True, False]
    for i, panel in enumerate(panels[:3], start=1):
        scratch, every = panel.get_lines()
        assert scratch.get_ydata().tolist() == RISE.tolist()
        assert every.get_ydata() == pytest.approx(RISE + 0.1 * i)
    assert names_in_legend(panels[0]) == ["scratch", "every-layer"]


def test_models_stand_beside_each_other_at_each_share_with_the_papers_in_their_colour(draw):
    axes = draw("fractions").axes[0]
    scratch, last = axes.containers
    left, right = scratch.lines[0], last.lines[0]
    assert (left.get_xdata() < right.get_xdata()).all()
    assert np.sqrt(left.get_xdata() * right.get_xdata()) == pytest.approx([3.0, 20.0, 100.0])
    assert left.get_ydata().tolist() == RISE.tolist()
    bars = np.array([segment[:, 1] for segment in scratch.lines[2][0].get_segments()])
    assert bars == pytest.approx(np.column_stack([RISE - SEM, RISE + SEM]))
    lines = dict(zip(names_in_legend(axes), axes.get_legend().legend_handles, strict=True))
    assert list(lines) == ["base", "scratch", "last-layer", "last-layer (paper)", "another (paper)"]
    assert same_color(lines["last-layer (paper)"].get_color(), right.get_color())
    paper, another = axes.get_lines()[-2:]
    assert paper.get_xydata() == pytest.approx(np.column_stack([[3.0, 20.0, 100.0], RISE - 0.1]))
    assert not same_color(another.get_color(), left.get_color())
    assert axes.get_xscale() == "log"
    assert tick_names(axes.xaxis) == ["3", "20", "100"]
    band = axes.patches[0].get_extents()
    assert axes.transData.inverted().transform(band)[:, 1] == pytest.approx([0.94, 0.96])


def test_values_are_on_a_logarithmic_axis_where_they_leave_room(figures, tmp_path):
    durations = [10, 11, 20, 1000]
    duration_plot(np.ones((1, 4)), [20], durations, tmp_path / "plot.png", title="first $ epochs")
    axes = figures[0].axes[0]
    assert axes.get_xscale() == "log"
    assert tick_names(axes.xaxis) == ["11", "20", "1,000"]
    assert axes.get_lines()[0].get_xdata().tolist() == durations
    assert axes.get_title(loc="left") == "first $ epochs"


def test_each_number_of_points_is_a_line_over_duration_without_what_is_not_available(draw):
    axes = draw("duration").axes[0]
    short, long = axes.get_lines()
    assert short.get_xydata().tolist() == [[30, 0.7], [365, 0.8], [1470, 0.9]]
    assert np.isnan(long.get_ydata()).tolist() == [True, False, False]
    assert names_in_legend(axes) == ["n = 300", "n = 20"]
    assert tick_names(axes.xaxis) == ["30", "365", "1,470"]
    assert axes.get_xlabel() == "duration [d]"


def test_two_panels_of_durations_can_share_their_limits(figures, tmp_path):
    duration_plot(np.ones((1, 2)), [20], [30, 60], tmp_path / "plot.png", title="", limits=(0.5, 1.0))
    assert figures[0].axes[0].get_ylim() == (0.5, 1.0)


def test_a_learning_curve_is_dashed_beyond_the_labels_there_are(draw):
    axes = draw("learning").axes[0]
    now, measured, known, ahead = axes.get_lines()[:2] + axes.get_lines()[-2:]
    assert set(now.get_xdata()) == {400}
    assert measured.get_xydata() == pytest.approx(np.column_stack([STARS, RISE]))
    assert (known.get_linestyle(), ahead.get_linestyle()) == ("-", "--")
    assert known.get_xydata().tolist() == [[100, 0.6], [400, 0.8]]
    assert ahead.get_xydata().tolist() == [[400, 0.8], [1600, 0.9]]
    assert [text.get_text() for text in axes.texts] == ["now: 400", "0.900 with 1,600"]


def test_a_learning_curve_without_a_fit_shows_what_was_measured(figures, tmp_path):
    learning_curve_plot(STARS, RISE, SEM, tmp_path / "plot.png", fitted=None, now=400)
    assert names_in_legend(figures[0].axes[0]) == ["measured"]
