"""Names of catalogues and brokers: each means known classes, and what is known of the catalogues holds."""

from __future__ import annotations

import csv
import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from schemas.model.taxonomy.foreign_names import NOT_COMPARABLE, read_taxonomy, versions
from schemas.model.verdict import OTHER
from training.surveys.classes import ANY_CEPHEID, ANY_ECLIPSING, ANY_RR_LYRAE, CLASSES
from training.surveys.public import SURVEYS

CEPHEIDS_OF_ALL_KINDS = f"{ANY_CEPHEID}|T2CEPH"
SCHEMES = read_taxonomy().schemes


def labels_of_alerts(path: Path, column: str) -> list[str]:
    with path.open(newline="") as file:
        return [row[column] for row in csv.DictReader(file) if row[column]]


def test_the_classes_are_those_of_the_shipped_models_and_what_is_in_none():
    assert read_taxonomy().classes == (*CLASSES, OTHER)


@pytest.mark.parametrize("version", versions())
def test_every_name_means_known_classes_or_is_not_comparable(version):
    taxonomy = read_taxonomy(version)
    for scheme in taxonomy.schemes.values():
        assert scheme.title
        assert scheme.sources
        for name, meaning in scheme.meanings.items():
            classes = meaning.split("|")
            assert meaning == NOT_COMPARABLE or set(classes) <= set(taxonomy.classes), name
            assert OTHER not in classes or classes == [OTHER], name
            assert classes == sorted(set(classes)), name
            assert scheme.meaning(f" {name} ") == meaning


@pytest.mark.parametrize("version", versions())
def test_no_name_of_a_scheme_stands_twice(version):
    raw = json.loads(files("schemas.model.taxonomy").joinpath(f"{version}.json").read_text(encoding="utf-8"))
    assert raw["version"] == version
    for name, scheme in raw["schemes"].items():
        names = [each for group in scheme["names"].values() for each in group] + scheme["not_comparable"]
        if "subtypes" in scheme:
            names = [each.casefold() for each in names]
        assert [each for each, count in Counter(names).items() if count > 1] == [], name


def test_a_version_that_is_not_here_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"no taxonomy of version '0': known are 1"):
        read_taxonomy("0")


@pytest.mark.parametrize(
    ("scheme", "name", "meaning"),
    [
        ("vsx", "DCEPS", "CEPH_1O"),
        ("vsx", "CWB", "T2CEPH"),
        ("vsx", "UGSU", "CV"),
        ("vsx", "roAp", ""),
        ("vsx", "SN Ia", OTHER),
        ("simbad", "RR*", ANY_RR_LYRAE),
        ("simbad", "RRLyrae", ANY_RR_LYRAE),
        ("simbad", "RR?", ""),
        ("simbad", "cC*", ANY_CEPHEID),
        ("simbad", "Sy1", "QSO"),
        ("simbad", "S*", ""),
        ("simbad", "s*", None),
        ("gaia_dr3", "DSCT|GDOR|SXPHE", "DSCT"),
        ("gaia_dr3", "ECL", ANY_ECLIPSING),
        ("gaia_dr3", "MICROLENSING", OTHER),
        ("alerce", "E", ANY_ECLIPSING),
        ("alerce", "CEP", CEPHEIDS_OF_ALL_KINDS),
        ("alerce", "CV/Nova", "CV"),
        ("alerce", "Periodic-Other", ""),
        ("elasticc", "2332", "QSO"),
        ("elasticc", "221", "QSO"),
        ("elasticc", "Dwarf Novae", "CV"),
        ("elasticc", "113", OTHER),
        ("tdtax", "W Ursae Maj", "EB_EC"),
        ("tdtax", "Tidal Disruption Event", OTHER),
        ("tdtax", "Stellar variable", ""),
    ],
)
def test_names_mean_what_their_catalogues_say(scheme, name, meaning):
    assert SCHEMES[scheme].meaning(name) == meaning


def test_all_classes_of_gaia_are_known():
    """The 24 of vari_classifier_result (Rimoldini et al. 2023, Table 2), and galaxies."""
    of_gaia = (
        "ACV|CP|MCP|ROAM|ROAP|SXARI ACYG AGN BCEP BE|GCAS|SDOR|WR CEP CV DSCT|GDOR|SXPHE ECL ELL EP GALAXY "
        "LPV MICROLENSING RCB RR RS S SDB SN SOLAR_LIKE SPB SYST WD YSO"
    )
    assert sorted(SCHEMES["gaia_dr3"].meanings) == sorted(of_gaia.split())


@pytest.mark.parametrize("scheme", ["vsx", "simbad", "gaia_dr3", "alerce", "elasticc", "tdtax"])
def test_every_scheme_has_names_for_the_kinds_that_brokers_ask_for(scheme):
    meant = {name for meaning in SCHEMES[scheme].meanings.values() for name in meaning.split("|")}
    assert {"RRL_ab", "EB_ED", "LPV", "DSCT", "CEPH_F", "CV", "QSO", OTHER} <= meant


def test_the_names_of_gaia_mean_what_the_models_learnt_them_as():
    for name, meaning in SURVEYS["gaia_dr3_G"].labels.items():
        assert set(SCHEMES["gaia_dr3"].meanings[name].split("|")) == set(meaning.split("|")), name


@pytest.mark.parametrize(
    ("scheme", "file", "column"),
    [("vsx", "ztf_vsx.csv", "vsx_type"), ("simbad", "lsst_ddf_cosmos.csv", "simbad_otype")],
)
def test_types_of_the_objects_of_recorded_alerts_are_all_known(shared_data, scheme, file, column):
    found = labels_of_alerts(shared_data / "alerts" / "labels" / file, column)
    assert found
    assert [each for each in found if SCHEMES[scheme].meaning(each) is None] == []
