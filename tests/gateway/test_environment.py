"""What the machine's own settings may do to a request: a proxy is used, nobody's password is added."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests

from airflow_provider_mysmpp.gateway.errors import UnavailableError
from tests.gateway.support import client_of, failure_of, messages
from tests.gateway.wire import WireServer, hang_up, http

ANSWER = b'{"information":[{"state":"send","id_sms":77}]}'
ELSEWHERE = "http://gateway.example"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets, whatever the machine has."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_password_of_a_netrc_file_is_not_added(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password of-another-service\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with WireServer(http(ANSWER)) as server, client_of(server.url) as client:
        client.send(messages(1))

    head = server.requests[0].partition(b"\r\n\r\n")[0].lower()
    assert b"authorization" not in head
    assert b"of-another-service" not in server.requests[0]


def test_a_password_in_the_address_becomes_no_header() -> None:
    with WireServer(http(ANSWER)) as server, client_of(server.url.replace("//", "//someone:secret@")) as client:
        client.send(messages(1))

    assert b"authorization" not in server.requests[0].lower()


def test_a_proxy_of_the_environment_is_used_and_gets_its_own_password_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with WireServer(http(ANSWER)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:proxy-word@"))
        with client_of(ELSEWHERE) as client:
            assert client.send(messages(1)) == [("77", None)]

    head = proxy.requests[0].partition(b"\r\n\r\n")[0]
    assert head.startswith(b"POST http://gateway.example/json HTTP/1.1")
    assert b"Proxy-Authorization: Basic " in head
    assert b"\nAuthorization" not in head


def test_an_answer_that_is_lost_behind_a_proxy_may_have_been_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with WireServer(hang_up) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        error = failure_of(client_of(ELSEWHERE))

    assert isinstance(error, UnavailableError)
    assert len(proxy.requests) == 1
    assert error.maybe_sent


@pytest.mark.parametrize("address", [ELSEWHERE, "https://gateway.example"])
def test_a_proxy_that_is_not_there_has_sent_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv(f"{address.partition(':')[0]}_proxy", f"http://me:word@127.0.0.1:{bound.getsockname()[1]}")
        error = failure_of(client_of(address))

    assert isinstance(error, UnavailableError)
    assert "the connection to the proxy failed" in str(error)
    assert (error.maybe_sent, error.repeatable) == (False, True)


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:1", "http://:1"])
def test_a_proxy_that_can_not_be_used_is_not_tried_again(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    client = client_of(ELSEWHERE, attempts=3)
    error = failure_of(client)

    assert isinstance(error, UnavailableError)
    assert "or that of its proxy" in str(error)
    assert (error.maybe_sent, error.repeatable, client.requests_made) == (False, False, 1)


def test_a_proxy_whose_library_is_missing_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socks(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", no_socks)
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    error = failure_of(client_of(ELSEWHERE))

    assert isinstance(error, UnavailableError)
    assert "needs a library" in str(error)
    assert (error.maybe_sent, error.repeatable) == (False, False)
