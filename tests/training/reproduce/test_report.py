"""The report, from light curves to the page, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.reproduce.experiments import TRANSFER_SCALE, is_png
from training.cli.main import main
from training.errors import SettingsError
from training.network.networks import Networks
from training.network.preprocess import fit_preprocessing
from training.network.trained_network import TrainedNetwork
from training.progress import QUIET
from training.reproduce.report import EXPERIMENTS, reproduce


def report(
    light_curves: Path, folder: Path, only: list[str], published: TrainedNetwork | None = None
) -> Path:
    """Write the report of some experiments into a folder of that one."""
    return reproduce(
        light_curves,
        folder / "report",
        TRANSFER_SCALE,
        only=only,
        published=published,
        cache_folder=folder / "cache",
        workers=1,
        device="cpu",
        command="varstream-train reproduce",
        progress=QUIET,
    )


def test_an_unknown_experiment_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(SettingsError, match="no experiment 'fig13': there are recipe, fig7, hipparcos"):
        report(tmp_path / "none", tmp_path, ["fig7", "fig13"])
    assert not (tmp_path / "report").exists()


def test_the_command_names_the_experiments_there_are(tmp_path, capsys):
    command = f"reproduce --light-curves {tmp_path} --output {tmp_path / 'report'} --only nonsense"
    assert main(command.split()) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("varstream-train: no experiment 'nonsense'")
    assert all(name in said for name in EXPERIMENTS)


def test_a_report_that_cannot_be_written_and_a_folder_without_surveys_are_named(tmp_path, capsys):
    taken = tmp_path / "file"
    taken.write_text("no folder")
    command = f"reproduce --quick --only hipparcos --cache {tmp_path / 'cache'}".split()
    assert main([*command, "--light-curves", str(tmp_path), "--output", str(taken)]) == 2
    assert f"cannot write the report to {taken}" in capsys.readouterr().err
    nowhere = ["--light-curves", str(tmp_path / "none"), "--output", str(tmp_path / "report")]
    assert main([*command, *nowhere]) == 2
    assert "hipparcos_debosscher_Hp.npz" in capsys.readouterr().err


def write_hipparcos(folder: Path) -> None:
    """Sixty stars of two classes, whose periods tell them apart."""
    rng = np.random.default_rng(0)
    n, points = 60, 40
    label = np.arange(n) % 2
    time = np.sort(rng.uniform(0.0, 400.0, (n, points)), axis=1)
    period = np.where(label, 120.0, 0.6) * rng.uniform(0.8, 1.2, n)
    mag = 15.0 + 0.4 * np.sin(2.0 * np.pi * time / period[:, None]) + rng.normal(0.0, 0.02, (n, points))
    np.savez(
        folder / "hipparcos_debosscher_Hp.npz",
        time=time.ravel(),
        mag=mag.ravel(),
        err=np.full(n * points, 0.02),
        offsets=np.arange(0, n * points + 1, points),
        object_id=np.arange(n).astype(str),
        native_class=np.array(["RR Lyrae", "Mira"])[label],
    )


def published() -> TrainedNetwork:
    """A network of random weights."""
    values = np.random.default_rng(0).uniform(0.1, 1.0, (50, 16))
    return TrainedNetwork(Networks.random(21, [0]).weights(), 64.0, fit_preprocessing(values))


def test_an_experiment_from_light_curves_to_the_page(tmp_path):
    write_hipparcos(tmp_path)
    path = report(tmp_path, tmp_path, ["hipparcos"], published())
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "report" / "report.html"
    assert "Hipparcos-20 (Table 6, Fig. 9)" in text
    assert "60 stars of 2 classes" in text
    assert "Not there yet" not in text
    assert "0.8230 ± 0.0018" in text
    assert is_png(tmp_path / "report" / "figures" / "fig9.png")


def test_what_is_through_can_be_read_when_the_next_experiment_stops(tmp_path):
    write_hipparcos(tmp_path)
    with pytest.raises(SettingsError, match="css_sss_V"):
        report(tmp_path, tmp_path, ["hipparcos", "css"], published())
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Hipparcos-20 (Table 6, Fig. 9)" in text
    assert "Not there yet: css." in text
