"""Annotations of one stream by the shipped model, stating no reliability and some."""

from __future__ import annotations

import pytest

from tests.broker.classify.stated import BINS, annotations


@pytest.fixture(scope="session")
def plain():
    return annotations()


@pytest.fixture(scope="session")
def stating():
    return annotations(reliability=BINS)


@pytest.fixture(scope="session")
def middle(plain):
    """A probability that some records reach as exactly as they say it, and others do not."""
    published = sorted(a.record["probability"] for a in plain if a.record["probability"] is not None)
    assert published[0] < published[len(published) // 2] < published[-1]
    return published[len(published) // 2]
