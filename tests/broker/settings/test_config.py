from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from broker.classify.classifier import load_classifiers
from broker.errors import ConfigError
from broker.settings.load_config import MAX_SETTINGS_BYTES, load_config
from schemas.model.manifest import load_manifest
from schemas.model.shipped import find_model

MINIMAL = 'kafka.topics = ["alerts"]\n'


def load(tmp_path, text=MINIMAL, environment=None, overrides=()):
    path = tmp_path / "worker.toml"
    path.write_text(text)
    return load_config(path, environment=environment or {}, overrides=overrides)


def test_later_places_win_over_earlier_ones(tmp_path):
    text = (
        MINIMAL + '[worker]\nbatch_size = 1\n[topics]\nclassifications = "file"\n[output]\nformat = "json"\n'
    )
    environment = {
        "VARSTREAM_WORKER__BATCH_SIZE": "2",
        "VARSTREAM_TOPICS__CLASSIFICATIONS": "environment",
        "PATH": "/bin",
    }
    config = load(tmp_path, text, environment, ["worker.batch_size=3"])
    assert config.worker.batch_size == 3
    assert config.topics.classifications == "environment"
    assert config.output.format == "json"
    assert config.topics.dead_letters == "dead-letters"


def test_librdkafka_settings_of_all_places_add_up(tmp_path):
    text = MINIMAL + '[kafka.settings]\n"security.protocol" = "SASL_PLAINTEXT"\n'
    environment = {"VARSTREAM_KAFKA__SETTINGS": '{"sasl.username" = "me"}'}
    config = load(tmp_path, text, environment, ["kafka.settings.sasl.password=s=cret"])
    assert dict(config.kafka.settings) == {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.username": "me",
        "sasl.password": "s=cret",
    }


def test_a_password_that_looks_like_a_number_stays_text(tmp_path):
    config = load(tmp_path, overrides=["kafka.settings.sasl.password=1_000"])
    assert config.kafka.settings["sasl.password"] == "1_000"


def test_values_get_the_type_of_their_setting(tmp_path):
    config = load(
        tmp_path,
        overrides=["model.path=~/m", "kafka.patience_s=5", "decoding.programids=[1, 2]", "metrics.port=9000"],
    )
    assert config.model.path == Path("~/m").expanduser()
    assert config.kafka.patience_s == 5.0
    assert config.decoding.programids == (1, 2)
    assert config.metrics.port == 9000


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["kafka.topic=['x']"], "unknown setting kafka.topic: did you mean topics"),
        (["kafkaa.topics=['x']"], "unknown setting kafkaa: did you mean kafka"),
        (["kafka.topics=alerts"], "kafka.topics must be a list, got text"),
        (["kafka.topics=[1]"], "kafka.topics must be text, got 1"),
        (["kafka.topics=['a_{date}']"], "placeholder other than {utc_date}"),
        (["worker.batch_size=0"], "worker.batch_size must be > 0, got 0"),
        (["worker.batch_size=true"], "worker.batch_size must be a whole number, got True"),
        (["worker.batch_size=1.5"], "worker.batch_size must be a whole number, got 1.5"),
        (["worker.max_dead_fraction=2.0"], "worker.max_dead_fraction must be in"),
        (["output.format=xml"], "output.format must be one of avro, json, confluent, got text"),
        (["output=3"], "is not of the form section.name=value"),
        (["output"], "is not of the form section.name=value"),
        (["kafka.settings=3"], "kafka.settings must be a table, got a number"),
        (["kafka.settings='{sasl.password = hunter2}'"], "kafka.settings must be a table, got text"),
        (
            ['kafka.settings={sasl.password = "x"}'],
            "kafka.settings: sasl must be text, a number, true or false",
        ),
        (['kafka.settings={"bootstrap.servers" = "a"}'], "give bootstrap.servers as kafka.bootstrap_servers"),
        (["kafka.bootstrap_servers=me:x@a:9092"], "kafka.bootstrap_servers holds an '@'"),
        (["output.bootstrap_servers=me:x@a:9092"], "output.bootstrap_servers holds an '@'"),
        (["output.max_message_bytes=1999"], "output.max_message_bytes must be at least 2,000, got 1999"),
        (
            ["output.format=confluent"],
            "output.format confluent needs a schema id: set either output.registry",
        ),
        (
            ["output.format=confluent", "output.schema_id=1", "output.registry=http://a"],
            "set either output.registry",
        ),
        (["output.schema_id=-1"], "output.schema_id must be in 0 ... 2147483647, got -1"),
        (
            ["output.registry=registry.example.org:8081"],
            "output.registry: the address of the schema registry is not",
        ),
        (
            ["output.registry=http://me:pass/word@host"],
            "output.registry: the address of the schema registry is not",
        ),
        (
            ["output.registry=https://"],
            "output.registry: the address of the schema registry is not",
        ),
        (["metrics.address=[::1]"], "metrics.address must be an IP address or a host name"),
        (["metrics.address=localhost:9108"], "metrics.address must be an IP address or a host name"),
        (["metrics.address=127.0.0.256"], "metrics.address must be an IP address or a host name"),
        (["metrics.address="], "metrics.address must be an IP address or a host name"),
        (["kafka.group_id="], "kafka.group_id is empty"),
        (['kafka.topics=[""]'], "kafka.topics is empty"),
        (["kafka.patience_s=inf"], "kafka.patience_s must be > 0"),
        (["kafka.settings.partition.assignment.strategy=cooperative-sticky"], "is not supported"),
        (["kafka.settings.enable.auto.commit=true"], "enable.auto.commit is not yours to set"),
        (["kafka.settings.auto.commit.enable=true"], "auto.commit.enable is not yours to set"),
        (["kafka.settings.enable.auto.offset.store=true"], "enable.auto.offset.store is not yours to set"),
        (["kafka.settings.auto.offset.reset=latest"], "read from its beginning"),
        (["kafka.settings.group.id=mine"], "use kafka.group_id"),
        (["kafka.settings.enable.partition.eof=true"], "use --until-end"),
        (["kafka.settings.isolation.level=read_uncommitted"], "isolation.level must be 'read_committed'"),
        (["kafka.settings.session.timeout.ms=soon"], "session.timeout.ms must be a whole number, got 'soon'"),
        (["kafka.settings.heartbeat.interval.ms=-1"], "heartbeat.interval.ms must be a whole number, got "),
        (["kafka.settings.heartbeat.interval.ms=10000"], "must be less than session.timeout.ms (10000)"),
        (
            ["kafka.settings.session.timeout.ms=500", "kafka.settings.heartbeat.interval.ms=500"],
            "heartbeat.interval.ms (500) must be less than session.timeout.ms (500)",
        ),
        (["kafka.settings.group.protocol=consumer"], "group.protocol must be 'classic'"),
        (["topics.dead_letters=classifications"], "has the name 'classifications' of another one"),
        (["topics.photometry="], "topics.photometry is empty: name a topic"),
        (["topics.partitions=0"], "topics.partitions must be > 0, got 0"),
        (["topics.changelog=alerts"], "the worker would read itself"),
        (["output.topic=mine"], "output.topic is topics.classifications now"),
        (["output.dead_letter_topic=mine"], "output.dead_letter_topic is topics.dead_letters now"),
        (["worker.delivery=at_least_once", "worker.stage=ingest"], 'leave worker.stage at "all"'),
        (["worker.delivery=at_least_once", "worker.processes=2"], "worker.processes at 1"),
        (["worker.delivery=twice"], "worker.delivery must be one of exactly_once, at_least_once"),
        (["worker.instance=a b"], "worker.instance must be of letters, digits"),
        (["worker.processes=0"], "worker.processes must be > 0, got 0"),
        (["state.forget_after_days=-1"], "state.forget_after_days must be >= 0"),
        (["worker.batch_size=2000000"], "worker.batch_size must be at most"),
        (["metrics.port=70000"], "metrics.port must be in 1 ... 65535, got 70000"),
        (["decoding.max_distnr_arcsec=0.0"], "decoding.max_distnr_arcsec must be > 0, got 0.0"),
        (["decoding.programids=[1.0]"], "decoding.programids must be a whole number, got 1.0"),
        (["decoding.ztf_error=3"], "decoding.ztf_error must be one of dc, difference, got 3"),
        (["metrics.port=9000.0"], "metrics.port must be a whole number, got 9000.0"),
        (["model.path=3"], "model.path must be a path, got 3"),
        (["output.annotate_unscored=1"], "output.annotate_unscored must be true or false, got 1"),
        (["output.annotate_fused=no"], "output.annotate_fused must be true or false, got text"),
        (
            ["output.annotate_fused=false", "output.annotate_bands=false"],
            "output.annotate_bands and output.annotate_fused are both false: nothing would be published",
        ),
        (["kafka.patience_s=true"], "kafka.patience_s must be a number, got True"),
        ([f"kafka.patience_s={2**1024 - 1}"], "kafka.patience_s must be a number, got 1797"),
        (["kafka.patience_s=1" + "0" * 400], "kafka.patience_s must be a number, got 1000"),
        (["kafka.patience_s=1" + "0" * 5000], "kafka.patience_s must be a number, got text"),
        (["w.x=1"], "unknown setting w: known are kafka, output, topics, model"),
        (["decoding.ztf_error=both"], "decoding.ztf_error must be one of dc, difference"),
        (["model.priors={gaia = {QSO = 0.1}}"], "unknown setting model.priors.gaia: known are ztf, lsst"),
        (["model.priors={ztf = 0.1}"], "model.priors.ztf must be a table, got 0.1"),
        (["model.priors={ztf = {QSO = 1.2}}"], "model.priors.ztf.QSO must be a number from 0 to 1, got 1.2"),
        (
            ["model.priors={lsst = {CV = -0.1}}"],
            "model.priors.lsst.CV must be a number from 0 to 1, got -0.1",
        ),
        (["model.priors={ztf = {QSO = nan}}"], "model.priors.ztf.QSO must be a number from 0 to 1, got nan"),
        (
            ["model.priors={ztf = {QSO = true}}"],
            "model.priors.ztf.QSO must be a number from 0 to 1, got True",
        ),
        (["model.priors={ztf = {QSO = '1'}}"], "model.priors.ztf.QSO must be a number from 0 to 1, got '1'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_number_and_remedy(tmp_path, overrides, message):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, overrides=overrides)
    assert message in str(caught.value)


@pytest.fixture
def with_priors() -> Path:
    """The shipped model, which states the priors that it was made for."""
    return find_model("varstream-ztf")


def test_priors_of_a_stream_reach_the_model_of_that_stream(tmp_path, with_priors):
    text = f'{MINIMAL}[model]\npath = "{with_priors}"\n[model.priors.ztf]\nQSO = 0.02\nLPV = 1e-3\n'
    loaded = load_classifiers(load(tmp_path, text).model)
    assert loaded["ztf"].priors == {"QSO": 0.02, "LPV": 0.001}
    assert loaded["lsst"].priors == {}


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        (
            "{SN = 0.1}",
            "model.priors: model varstream-ztf 3.0.0: 'SN' is no class of the model: it has CEPH_1O, ",
        ),
        (
            "{QSO = 0.7, LPV = 0.6}",
            "model.priors: model varstream-ztf 3.0.0: the priors add up to 1.3, they must",
        ),
    ],
)
def test_priors_that_do_not_fit_the_model_are_refused_when_it_is_loaded(
    tmp_path, with_priors, priors, message
):
    config = load(tmp_path, overrides=[f"model.path={with_priors}", f"model.priors={{lsst = {priors}}}"])
    with pytest.raises(ConfigError) as caught:
        load_classifiers(config.model)
    assert message in str(caught.value)


def test_a_model_that_does_not_state_its_priors_takes_no_others(tmp_path):
    old = shutil.copytree(find_model("varstream-ztf"), tmp_path / "old")
    replace(load_manifest(old), priors={}, fused=None).save(old)
    config = load(tmp_path, overrides=["model.priors={ztf = {QSO = 0.1}}", f"model.ztf={old}"])
    message = r"model\.priors: model varstream-ztf 3\.0\.0 does not state which priors it was made for"
    with pytest.raises(ConfigError, match=message):
        load_classifiers(config.model)


def test_topics_must_be_given(tmp_path):
    with pytest.raises(ConfigError, match=r"kafka\.topics is empty"):
        load(tmp_path, "")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the settings .*absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml", environment={})


def test_a_file_that_is_not_toml_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"worker\.toml are not TOML"):
        load(tmp_path, "[kafka\n")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 50_000,
        "a = " + "9" * 100_000,
        "#" * (MAX_SETTINGS_BYTES + 1),
    ],
)
def test_a_file_that_is_made_to_break_its_reader_is_refused_in_one_line(tmp_path, text):
    with pytest.raises(ConfigError, match=r"worker\.toml are not TOML") as refused:
        load(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_a_value_that_is_nested_without_end_is_text(tmp_path):
    with pytest.raises(ConfigError, match="batch_size"):
        load(tmp_path, overrides=["worker.batch_size=" + "[" * 100_000])


def test_a_variable_with_one_underscore_too_few_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="VARSTREAM_WORKER_BATCH_SIZE: two underscores"):
        load(tmp_path, environment={"VARSTREAM_WORKER_BATCH_SIZE": "3"})
    with pytest.raises(ConfigError, match="VARSTREAM_KAFKA: two underscores") as refused:
        load(tmp_path, environment={"VARSTREAM_KAFKA": "me:correct-horse@host"})
    assert "correct-horse" not in str(refused.value)
    load(tmp_path, environment={"VARSTREAM_TEST_DATA": "/data"})
