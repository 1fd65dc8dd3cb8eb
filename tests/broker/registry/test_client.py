"""The client of a registry: whom it asks, for how long, for how much, and what it shows."""

from __future__ import annotations

import base64
import threading

import pytest

from broker.errors import ConfigError, TransientError
from broker.registry.client import MAX_REPLY_BYTES, RegistryClient, parse_address
from tests.broker.registry.conftest import headers_without_end
from tests.broker.streams import PATIENCE_S

PATH = "schemas/ids/1100"


@pytest.fixture(params=["get", "post"])
def ask(request):
    """Put a question or an order to a client."""

    def by(client: RegistryClient, timeout_s: float = PATIENCE_S):
        if request.param == "get":
            return client.get(PATH, timeout_s=timeout_s)
        return client.post(PATH, b"{}", timeout_s=timeout_s)

    return by


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500])
def test_whatever_is_answered_is_the_reply(registry, ask, status):
    registry.answer(status, "" if status == 204 else "as you say")
    reply = ask(RegistryClient(registry.address()))
    assert (reply.status, reply.body) == (status, b"" if status == 204 else b"as you say")


def test_an_address_may_have_a_path_and_a_slash_at_its_end(registry, ask):
    registry.answer(200)
    ask(RegistryClient(registry.address() + "/apis/ccompat/v7/"))
    assert [path for path, _ in registry.asked] == [f"/apis/ccompat/v7/{PATH}"]


def test_a_registry_that_is_away_is_named_without_its_password(registry, ask):
    client = RegistryClient(registry.address("me:secret"))
    registry.shutdown()
    registry.server_close()
    with pytest.raises(TransientError, match=rf"cannot reach http://127\.0\.0\.1:\d+/{PATH}") as refused:
        ask(client)
    assert "secret" not in str(refused.value)


def test_a_reply_is_read_up_to_a_size(registry, ask):
    registry.answer(200, b" " * (MAX_REPLY_BYTES + 1))
    with pytest.raises(TransientError, match="more than 4194304 bytes"):
        ask(RegistryClient(registry.address()))


def test_a_refusal_is_one_however_long_what_is_said_to_it(registry, ask):
    registry.answer(403, b" " * (MAX_REPLY_BYTES + 1))
    reply = ask(RegistryClient(registry.address()))
    assert (reply.status, reply.body) == (403, b"")


def test_a_reply_may_take_its_time_as_a_whole_and_no_more(registry, ask, without_end):
    client = RegistryClient(registry.address())
    for _ in range(2):
        registry.answer_by(without_end)
        with pytest.raises(TransientError):
            ask(client, timeout_s=0.3)


def test_replies_without_end_are_awaited_by_one_thread(registry, ask):
    registry.answer_by(headers_without_end)
    client = RegistryClient(registry.address())
    for _ in range(4):
        with pytest.raises(TransientError, match=r"did not answer within 0\.1 s"):
            ask(client, timeout_s=0.1)
    assert len(registry.asked) == 1
    registry.over.set()  # the server hangs up
    assert client.get(PATH, timeout_s=PATIENCE_S).status == 200


def test_a_signal_to_stop_is_heard_while_a_reply_is_awaited(registry, ask, without_end):
    stop = threading.Event()

    def answer_and_stop(handler) -> None:
        stop.set()
        without_end(handler)

    registry.answer_by(answer_and_stop)
    with pytest.raises(TransientError):  # else the test's timeout would end it before this patience
        ask(RegistryClient(registry.address(), stop=stop))


@pytest.mark.parametrize(
    "where", ["http://localhost:{port}/other", "https://127.0.0.1:{port}/other", "ftp://127.0.0.1/other"]
)
def test_a_redirect_to_another_host_is_not_followed(registry, where):
    registry.answer(302, Location=where.format(port=registry.server_port))
    with pytest.raises(TransientError, match=r"redirects to .*not followed"):
        RegistryClient(registry.address("me:secret")).get(PATH)
    assert len(registry.asked) == 1


def test_a_redirect_on_the_same_host_is_followed(registry):
    registry.answer(302, Location="/schemas/ids/7")
    RegistryClient(registry.address()).get(PATH)
    assert [path for path, _ in registry.asked] == [f"/{PATH}", "/schemas/ids/7"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_order_is_not_carried_elsewhere(registry, status):
    registry.answer(status, Location="/elsewhere")
    assert RegistryClient(registry.address()).post(PATH, b"{}").status == status
    assert len(registry.asked) == 1


@pytest.mark.parametrize(
    ("account", "credentials"),
    [
        ("", None),
        ("me:secret", "me:secret"),
        ("me", "me:"),
        ("me:se%40cr%2Fet:", "me:se@cr/et:"),
    ],
)
def test_credentials_in_the_address_are_sent_and_never_shown(registry, ask, account, credentials):
    client = RegistryClient(registry.address(account))
    registry.answer(401)
    reply = ask(client)
    sent = registry.asked[0][1].get("Authorization")
    if credentials is None:
        assert sent is None
    else:
        assert base64.b64decode(sent.removeprefix("Basic ")).decode() == credentials
        echoed = f"{credentials}; {sent}; {account}"
        assert "cr" not in client.without_credentials(echoed)
    assert not [
        shown for shown in (str(client), client.url("x"), repr(reply)) if "@" in shown or "cr" in shown
    ]


@pytest.mark.parametrize("port", ["", ":8081"])
def test_an_address_is_shown_without_its_user(port):
    address = parse_address(f"https://me:secret@registry.example{port}/a/")
    assert address.shown == f"https://registry.example{port}/a"
    assert "secret" not in repr(address)
    assert "c2VjcmV0" not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "http://me:secret",
        "http://me:secret@",
        "http://me:secret@:8081",
        "http://me:secret@h:port",
        "http://me:secret@h:99999",
        "http://me:s/ecret@h",
        "http://me:s@ecret@h",
        "http://me:s#ecret@h",
        "http://me:s?ecret@h",
        "http://me:secret@[::1",
        "http://me:secret@h/?x=1",
        "http://me:secret@h h/",
        "http:///secret",
        "http:me:secret@h",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(text):
    with pytest.raises(ConfigError, match="not of the form") as refused:
        parse_address(text)
    assert "cret" not in str(refused.value)
    assert refused.value.__cause__ is None
