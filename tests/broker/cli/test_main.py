"""The command as a user meets it: exit codes, one-line errors, what is written where."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import fastavro
import onnx
import pytest

from broker.classify.classifier import load_classifier
from broker.cli import commands
from broker.cli.main import main
from broker.transport.embedded_kafka import EmbeddedBroker
from schemas.model.shipped import find_model
from tests.broker.packets import candidate, container, ztf_alert
from tests.broker.streams import PATIENCE_S, SCHEMAS, fusing, simulated, timeless

ROOT = Path(__file__).resolve().parents[3]


def varstream(*arguments, environment=None):
    return subprocess.run(
        [sys.executable, "-m", "broker.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    """Folder of packets of both surveys, some of them spoiled."""
    folder = tmp_path_factory.mktemp("packets")
    for number, alert in enumerate(simulated()[:150]):
        (folder / f"{number:04d}{'.avro' if alert.survey == 'ztf' else '.bin'}").write_bytes(alert.payload)
    good = simulated()[0].payload
    (folder / "8000.avro").write_bytes(good[:-40])
    (folder / "8001.bin").write_bytes(b"")
    (folder / "8002.avro").write_bytes(b"not avro at all")
    (folder / "ignored.txt").write_text("no packet")
    return folder


@pytest.fixture(scope="module")
def classified(sky, tmp_path_factory):
    counts = tmp_path_factory.mktemp("out") / "counts.json"
    done = varstream("classify", sky, "--schemas", SCHEMAS, "--counts", counts)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], json.loads(counts.read_text()), done


def test_every_line_is_a_record_and_the_counts_add_up(classified):
    records, counts, done = classified
    assert counts["alerts_in"] == 153
    assert counts["alerts_in"] == (
        counts["alerts_used"] + sum(counts["alerts_skipped"].values()) + sum(counts["alerts_dead"].values())
    )
    assert counts["alerts_dead"] == {"bad_magic": 1, "empty": 1, "truncated": 1}
    assert counts["annotations"] == len(records)
    assert counts["labelled"] == sum(r["label"] is not None for r in records)
    assert "153 alerts in" in done.stderr
    assert "Traceback" not in done.stderr


def test_avro_output_holds_the_same_records_as_json(sky, classified, tmp_path):
    output = tmp_path / "out.avro"
    done = varstream("classify", sky, "--schemas", SCHEMAS, "--format", "avro", "--output", output)
    assert done.returncode == 0, done.stderr
    with output.open("rb") as file:
        records = list(fastavro.reader(file))

    class Held:
        def __init__(self, record):
            self.record = record

    assert timeless(map(Held, records)) == timeless(map(Held, classified[0]))


def test_a_run_that_could_use_nothing_has_failed_once_all_is_written(tmp_path):
    """As `grep` fails on files that it cannot read: a script must not take silence for an answer."""
    (tmp_path / "a.avro").write_bytes(b"no")
    letters, counts = tmp_path / "dead.jsonl", tmp_path / "counts.json"
    done = varstream("classify", tmp_path / "a.avro", "--dead-letters", letters, "--counts", counts)
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"varstream: the packet could not be read; {tmp_path}/a.avro, byte 0: starts with b'no'"
    )
    (letter,) = [json.loads(line) for line in letters.read_text().splitlines()]
    assert letter["reason"] == "bad_magic"
    assert letter["file"].endswith("a.avro")
    assert json.loads(counts.read_text())["alerts_dead"] == {"bad_magic": 1}


def test_where_others_were_skipped_or_used_what_was_not_read_is_told_by_them(tmp_path, capsys):
    """A packet that is skipped was read: alone it is no failure, beside one that was not it is."""
    good = next(alert.payload for alert in simulated() if alert.survey == "ztf")
    no_star = container(ztf_alert(candidate(distnr=30.0)))
    for name, payload in (("1.avro", good), ("2.avro", b"no"), ("3.avro", no_star)):
        (tmp_path / name).write_bytes(payload)
    paths = [str(tmp_path / name) for name in ("1.avro", "2.avro", "3.avro")]
    assert main(["classify", *paths]) == 0
    assert main(["classify", paths[2]]) == 0
    capsys.readouterr()
    assert main(["classify", *paths[1:]]) == 1
    assert "no alert was used: of 2 packets 1 were skipped and 1 not read; " in capsys.readouterr().err


def test_a_night_without_alerts_is_no_failure_and_is_said_to_be_one(tmp_path, capsys):
    for name in ("night.tar", "other.tar"):
        tarfile.open(tmp_path / name, "w").close()
    assert main(["classify", str(tmp_path / "night.tar")]) == 0
    assert f"no packets in {tmp_path}/night.tar" in capsys.readouterr().err.splitlines()
    assert main(["classify", str(tmp_path)]) == 0
    assert "no packets in any of 2 files" in capsys.readouterr().err.splitlines()
    with EmbeddedBroker() as broker:
        servers = f"kafka.bootstrap_servers={broker.bootstrap_servers}"
        assert main(["replay", str(tmp_path), "--topic", "alerts", "--set", servers]) == 0
    assert "no packets in any of 2 files" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("error", [ZeroDivisionError("what no one\nthought of"), MemoryError()])
def test_what_nobody_thought_of_is_one_line_too(monkeypatch, capsys, tmp_path, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr(commands, "classify", fail)
    assert main(["classify", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"varstream: unexpected trouble: {type(error).__name__} at broker/cli/test_main.py:"
    )
    assert str(tmp_path) not in line


def test_packets_whose_schema_was_not_given_are_named_as_not_read(tmp_path):
    lsst = next(alert for alert in simulated() if alert.survey == "lsst")
    (tmp_path / "1.bin").write_bytes(lsst.payload)
    (tmp_path / "7.avsc").write_text("{}")
    for schemas in ([], ["--schemas", tmp_path]):
        done = varstream("classify", tmp_path / "1.bin", *schemas)
        assert done.returncode == 1
        assert "NOT READ: 1 packets that name their schema by id" in done.stderr
        assert "--schemas" in done.stderr


def damaged_model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.onnx", "manifest.json"):
        (folder / name).write_bytes((find_model("varstream-ztf") / name).read_bytes())
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["classify", "absent"], 2, "no such file or folder: absent"),
        (["classify", "docs"], 2, "the folder docs holds no .avro or .bin file"),
        (["classify", "README.md", "--model", "docs"], 2, "no model in docs: manifest.json is missing"),
        (["classify", "README.md", "--model", "stars"], 2, "models are varstream-lsst, varstream-source, "),
        (["picture", "--model", "varstream-ztf/9"], 2, "no version '9' of varstream-ztf is shipped"),
        (
            ["run", *("--set", "kafka.topics=['x']"), *("--set", "model.path=a"), *("--set", "model.ztf=b")],
            2,
            "model.path = 'a' is for the alerts of every survey",
        ),
        (
            ["run", *("--set", "kafka.topics=['x']"), *("--set", "model.lsst=varstream-lsts")],
            2,
            "no model 'varstream-lsts'",
        ),
        (["classify", "README.md", "--schemas", "absent"], 2, "absent"),
        (["classify", "README.md", "--min-epochs", "3"], 2, "min_epochs must be at least 8, got 3"),
        (["classify", "README.md", "--format", "avro"], 2, "--format avro needs --output FILE"),
        (["classify", "README.md", "--output", "absent/x"], 2, "cannot write absent/x: No such file"),
        (["classify", "README.md", "--format", "avro", "--output", "/dev/full"], 1, "cannot write /dev/full"),
        (["run"], 2, "kafka.topics is empty"),
        (["run", "--config", "absent.toml"], 2, "cannot read the settings absent.toml"),
        (["run", "--set", "kafka.topic=x"], 2, "did you mean topics"),
        (
            [
                "replay",
                "README.md",
                "--topic",
                "t",
                "--bootstrap-servers",
                "127.0.0.1:1",
                "--set",
                "kafka.patience_s=1",
            ],
            1,
            "127.0.0.1:1 is unreachable",
        ),
    ],
)
def test_a_failure_is_one_line_with_the_remedy(arguments, code, message):
    done = varstream(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.startswith("varstream: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(sha256="0" * 64), "the files do not belong together"),
        (lambda m: m.update(convention="kim2021"), "convention"),
        (lambda m: m.update(convention="other"), "convention"),
        (lambda m: m.update(features=m["features"][::-1]), "features"),
        (lambda m: m.update(manifest_version="9"), "manifest_version"),
        (lambda m: m.pop("classes"), "incomplete"),
        (lambda m: m.update(min_epochs="10"), "min_epochs cannot be '10'"),
        (lambda m: m.update(sha256=None), "sha256 cannot be None"),
        (lambda m: m.update(clip_sigma="3"), "clip_sigma cannot be '3'"),
        (lambda m: m.update(extra=1), "unknown fields extra"),
    ],
)
def test_a_model_that_does_not_match_its_manifest_is_refused(tmp_path, change, message):
    folder = damaged_model(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = varstream("classify", "README.md", "--model", folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_each_survey_is_judged_by_the_model_shipped_for_it(classified):
    records, _, _ = classified
    judges = {(record["survey"], record["model"]["name"]) for record in records}
    assert judges == {("ztf", "varstream-ztf"), ("lsst", "varstream-lsst")}
    assert not any("OTHER_SURVEY" in record["status"] for record in records)


@pytest.mark.parametrize("named", ["varstream-lsst", "varstream-lsst/3.0.0", "varstream-lsst 3.0.0"])
def test_a_shipped_model_is_named_and_records_of_another_survey_say_so(sky, named):
    done = varstream("classify", sky, "--schemas", SCHEMAS, "--model", named)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["survey"] for record in records} == {"ztf", "lsst"}
    for record in records:
        assert record["model"]["name"] == "varstream-lsst"
        assert ("OTHER_SURVEY" in record["status"]) == (record["survey"] == "ztf")


@pytest.fixture(scope="module")
def fusing_model(tmp_path_factory):
    """Folder of the shipped model, had it been made for all bands of a star together."""
    folder = tmp_path_factory.mktemp("model")
    graph = onnx.load(find_model("varstream-ztf") / "model.onnx")
    for entry in graph.metadata_props:
        if entry.key == "convention":
            entry.value = "robust"
    onnx.save(graph, folder / "model.onnx")
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    replace(fusing().manifest, sha256=digest).save(folder)
    return folder


def test_a_model_that_fuses_has_records_of_stars_and_they_are_counted_by_themselves(
    sky, fusing_model, tmp_path
):
    output, counts = tmp_path / "annotations.avro", tmp_path / "counts.json"
    done = varstream(
        *("classify", sky, "--schemas", SCHEMAS, "--model", fusing_model),
        *("--output", output, "--format", "avro", "--counts", counts),
    )
    assert done.returncode == 0, done.stderr
    with output.open("rb") as file:
        records = list(fastavro.reader(file))
    fused = [record for record in records if record["band"] == "all"]
    n_labelled = sum(record["label"] is not None for record in fused)
    found = json.loads(counts.read_text())
    assert (found["fused"], found["fused_labelled"]) == (len(fused), n_labelled)
    assert len(fused) > 100
    assert f" + {len(fused):,} of all bands of a star ({n_labelled:,} with a class)" in done.stderr


def test_records_of_stars_alone_can_be_asked_for(sky, fusing_model):
    done = varstream("classify", sky, "--schemas", SCHEMAS, "--model", fusing_model, "--records", "fused")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["band"] for line in done.stdout.splitlines()} == {"all"}


def test_records_of_stars_alone_are_refused_where_the_model_makes_none(sky):
    done = varstream("classify", sky, "--model", "varstream-source", "--records", "fused")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "alerts of lsst and ztf would have no records" in done.stderr
    assert "varstream-source 3.0.0" in done.stderr


def test_a_reader_that_leaves_early_is_no_error(sky):
    command = f"{sys.executable} -m broker.cli.main classify {sky} --schemas {SCHEMAS} | head -n 1"
    command += "; exit ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert json.loads(done.stdout)["survey"] in {"ztf", "lsst"}
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == ""


def test_replay_and_run_give_what_classify_gives(sky, classified, tmp_path):
    """The same packets by files and through a broker, in one topic and in one order."""
    with EmbeddedBroker() as broker:
        servers = f"kafka.bootstrap_servers={broker.bootstrap_servers}"
        patience = f"kafka.patience_s={PATIENCE_S}"
        sent = varstream(
            *("replay", sky, "--topic", "alerts", "--set", "kafka.settings.linger.ms=0"),
            *("--set", servers, "--set", patience),
        )
        assert sent.returncode == 0, sent.stderr
        assert "153 packets sent to alerts" in sent.stderr
        done = varstream(
            *("run", "--until-end", "--set", servers, "--set", patience, "--set", 'kafka.topics=["alerts"]'),
            *("--set", f"decoding.schemas={SCHEMAS}", "--set", f"state.path={tmp_path / 'state'}"),
            *("--set", "worker.delivery=at_least_once"),
        )
    assert done.returncode == 0, done.stderr
    counts = classified[1]
    assert "153 alerts in" in done.stderr
    assert f"+ {sum(counts['alerts_dead'].values())} unreadable (" in done.stderr
    assert ("no fused records survey=ztf reason=" in done.stderr) != load_classifier("varstream-ztf").fuses


def test_the_demo_shows_how_often_the_class_was_right():
    done = varstream("demo", "--objects", "4", "--seconds", "20")
    assert done.returncode == 0, done.stderr
    assert "how often the class was right" in done.stdout
    assert " + 0 unreadable" in done.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        # counted by hand from the packets' own fields: ingest/test_real_packets.py has each rule
        (["ztf/ztf_lite.avro"], {"alerts_in": 1819, "alerts_used": 1073, "dead": 0}),
        (["lsst/wire"], {"alerts_in": 13, "alerts_used": 0, "dead": 0}),
        (["lsst/wire_transcoded"], {"alerts_in": 26, "alerts_used": 20, "dead": 0}),
    ],
)
def test_real_packets_are_classified(shared_data, tmp_path, folders, expected):
    alert_packet = pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet has LSST's schemas")
    counts = tmp_path / "counts.json"
    done = varstream(
        "classify",
        *(shared_data / "alerts" / folder for folder in folders),
        *("--schemas", Path(alert_packet.__file__).parent, "--counts", counts),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(counts.read_text())
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert found["alerts_in"] == expected["alerts_in"]
    assert found["alerts_used"] == expected["alerts_used"]
    assert sum(found["alerts_dead"].values()) == expected["dead"]
    assert found["alerts_used"] + sum(found["alerts_skipped"].values()) == found["alerts_in"]
    assert len(records) == found["annotations"]
    assert sum(r["label"] is not None for r in records) == found["labelled"]


@pytest.mark.parametrize("missing", ["cluster", "registry"])
def test_a_worker_that_is_told_to_stop_before_it_reads_ends_in_order(tmp_path, missing):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        changes = [
            'kafka.topics=["alerts"]',
            f"kafka.bootstrap_servers={address}",
            f"kafka.patience_s={PATIENCE_S}",
            f"state.path={tmp_path / 'state'}",
        ]
        if missing == "registry":
            changes += ["output.format=confluent", f"output.registry=http://{address}"]
        words = [word for change in changes for word in ("--set", change)]
        with subprocess.Popen(
            [sys.executable, "-m", "broker.cli.main", "run", *words],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as worker:
            silent.accept()[0].close()  # it waits from now on
            worker.terminate()
            _, said = worker.communicate()
    assert worker.returncode == 0
    assert said.splitlines()[-1] == "varstream: stopped before anything was read"
