"""What may be shown of addresses and settings: hosts and names, never a password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.redaction import secret_values, without_password, without_values


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://host", "https://host"),
        ("https://host:8081/path", "https://host:8081/path"),
        ("https://me:secret@host", "https://host"),
        ("https://me:secret@host:8081/path", "https://host:8081/path"),
        ("https://me:se@cr@et@host/path", "https://host/path"),
        ("https://me:se/cr?e#t@host/path", "https://host/path"),
        ("https://token@host", "https://host"),
        ("https://host/path?key=secret#more", "https://host/path"),
        ("http://me:secret@[::1]:80/", "http://[::1]:80/"),
        ("me:secret@host:9092,me:secret@other:9092", "other:9092"),
        ("me:sec://ret@host", "host"),
        ("a folder/of schemas", "a folder/of schemas"),
        ("", ""),
    ],
)
def test_of_an_address_its_host_and_path_are_shown(address, shown):
    assert without_password(address) == shown


@given(
    st.text(), st.text(st.characters(exclude_characters="@")), st.sampled_from(["https://", "http://", ""])
)
def test_no_character_in_a_password_shows_it(password, path, scheme):
    shown = without_password(f"{scheme}me:<{password}>@host/{path}")
    assert shown.startswith(f"{scheme}host/")
    assert len(shown) <= len(f"{scheme}host/{path}")


def test_values_and_the_words_in_them_are_hidden():
    text = 'Invalid value "very secret" at secret: 1 of very'
    assert without_values(text, ["very secret", 1, True]) == 'Invalid value "***" at ***: 1 of ***'


def test_settings_that_are_secret_are_known_by_their_names():
    secret = {
        "sasl.password": "a",
        "ssl.key.password": "b",
        "ssl.key.pem": "c",
        "sasl.oauthbearer.config": "d",
        "sasl.oauthbearer.client.secret": "e",
        "ssl.keystore.password": "f",
    }
    plain = {"sasl.username": "me", "sasl.mechanism": "PLAIN", "ssl.key.location": "/key", "linger.ms": 5}
    assert secret_values({**secret, **plain}) == list(secret.values())
