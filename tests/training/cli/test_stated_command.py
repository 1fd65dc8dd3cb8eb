"""The command as manifests and reports state it: files by name, nothing of who ran it and where."""

import json
from pathlib import Path

import pytest

from tests.training.commands import making
from tests.training.made_up_survey import write_few
from training.cli import main as parsing
from training.cli.main import main
from training.cli.stated_command import stated_command

HOME = "/home/jane.doe"
SECRET = ("jane", "doe", "scratch", "D:", "Users", "cache-of", "workers")

PATHS = {
    "absolute": lambda name: f"{HOME}/work/{name}",
    "home": lambda name: f"~jane/{name}",
    "relative": lambda name: f"../../doe/{name}",
    "inside": lambda name: f"jane/doe/{name}",
    "windows": lambda name: rf"D:\Users\jane\{name}",
}
TRAIN = {
    "--light-curves": ["a.npz", "b c.csv"],
    "--output": ["m"],
    "--cache": ["cache-of-jane"],
    "--class-map": ["map.json"],
}
OF_PATHS = {
    "train": TRAIN,
    "transfer": {**TRAIN, "--pretrained": ["varstream-source"]},
    "reproduce": {
        "--light-curves": ["lightcurves"],
        "--output": ["report"],
        "--cache": ["cache-of-jane"],
        "--upsilont": ["weights"],
    },
}
OTHERS = {
    "train": (
        "--columns time=hjd,err=e_mag --skip-bad-rows --label kind --name sky --version 2.0.0 --seed 7 "
        "--training-epochs 3 --truncations 2 --without-non-variables --recipe paper "
        "--convention refined --clip-sigma 4.5"
    ),
    "transfer": (
        "--columns time=hjd,err=e_mag --skip-bad-rows --label kind --name sky --version 2.0.0 --seed 7 "
        "--training-epochs 3 --truncations 2 --without-non-variables --mode last-layer --observe-as ztf"
    ),
    "reproduce": "--quick --only fig6 table3 --repeats 2 --training-epochs 9 --device cuda",
}


def stated(*words: str) -> str:
    return stated_command(parsing._parser().parse_args(words))


def parsed(words: list[str]) -> dict[str, object]:
    return {
        name: value for name, value in vars(parsing._parser().parse_args(words)).items() if name != "parser"
    }


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("command", OF_PATHS)
def test_of_every_path_the_name_is_said_and_no_more(command, kind, joined):
    words = [command, *OTHERS[command].split(), "--workers", "3"]
    for option, names in OF_PATHS[command].items():
        given = [PATHS[kind](name) for name in names]
        if joined:
            words += [f"{option}={given[0]}"] if len(given) == 1 else [option, *given]
        else:
            words += [option, *given]
    said = stated(*words)
    assert not [word for word in SECRET if word in said]
    assert "~" not in said
    for option, names in OF_PATHS[command].items():
        if option != "--cache":
            assert all(name in said for name in names), said


@pytest.mark.parametrize("command", OF_PATHS)
def test_no_option_is_forgotten(command):
    """Every option that the parser has is given above, and all that changes a result is said."""
    sub = parsing._parser().parse_args([command, *minimal(command)]).parser
    known = {word for word in sub.format_help().replace(",", " ").split() if word.startswith("--")}
    given = {*OF_PATHS[command], *(word for word in OTHERS[command].split() if word.startswith("--"))}
    assert {word.strip("[]") for word in known} - {"--help", "--workers"} == given
    said = stated(command, *minimal(command), *OTHERS[command].split())
    for word in OTHERS[command].split():
        assert word in said.split()


def minimal(command: str) -> list[str]:
    needed = ["--light-curves", "a.npz", "--output", "m"]
    return [*needed, "--pretrained", "p"] if command == "transfer" else needed


@pytest.mark.parametrize("command", OF_PATHS)
def test_what_is_said_is_a_command_that_means_the_same(command):
    said = stated(command, *minimal(command), *OTHERS[command].split())
    program, *words = said.split()
    assert program == "varstream-train"
    assert parsed(words) == parsed([command, *minimal(command), *OTHERS[command].split()])


def test_an_option_that_is_cut_short_is_no_way_around():
    said = stated(
        "train", *minimal("train"), "--cac", f"{HOME}/cache-of-jane", "--work", "3", "--cla", f"{HOME}/m"
    )
    assert said == "varstream-train train --light-curves a.npz --class-map m --output m"


def test_names_with_spaces_are_one_word_and_a_home_has_no_name(monkeypatch, tmp_path):
    home = tmp_path / "jane"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    said = stated("train", "--light-curves", "my stars.csv", str(home), "--output", "~")
    assert said == "varstream-train train --light-curves 'my stars.csv' '~' --output '~'"


def test_a_model_says_nowhere_who_made_it(survey, tmp_path, monkeypatch):
    """All text of the folder, the network's graph included."""
    home = tmp_path / "home" / "jane.doe"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    write_few(home / "few.npz", survey, ("short", "long"), 12)
    words = making("train --truncations 0 --training-epochs 2", home / "few.npz", home / "model")
    at = words.index("--cache")
    words[at : at + 2] = [f"--cache={home / 'cache'}"]
    assert main(words) == 0
    for file in (home / "model").iterdir():
        content = file.read_bytes()
        assert b"jane" not in content, file
        assert str(tmp_path).encode() not in content, file
        assert str(Path(parsing.__file__).parents[2]).encode() not in content, file
    manifest = json.loads((home / "model" / "manifest.json").read_text())
    assert manifest["training"]["command"] == (
        "varstream-train train --light-curves few.npz --label kind --output model --training-epochs 2 "
        "--truncations 0"
    )


def test_a_transferred_model_and_its_report_say_nowhere_where_they_were_made(transferred, tmp_path_factory):
    base = str(tmp_path_factory.getbasetemp()).encode()
    files = [file for file in transferred.rglob("*") if file.is_file()]
    assert {"manifest.json", "report.html"} <= {file.name for file in files}
    assert [file for file in files if base in file.read_bytes()] == []
