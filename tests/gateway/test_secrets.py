"""No error of the client, however deep one looks into it, holds a password, a token, a text or a phone."""

from __future__ import annotations

import itertools
import json
import logging
import pickle
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests_mock

from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.errors import CATALOGUE, GatewayError
from airflow_provider_mysmpp.gateway.privacy import hide_secrets
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from tests.gateway.support import CANARY, chain_of, message
from tests.gateway.wire import Deed, WireServer, hang_up, http, reset

PHONE = "79612242243"
TEXT = "canary text Здравствуйте"
SECRETS = (CANARY, "canary-login", "canary-password", TEXT, PHONE)
ALL = Credentials(login="canary-login", password="canary-password")
TOKEN = Credentials(token=CANARY)


def shown_in(error: BaseException) -> str:
    """Return everything that an error, and whatever stands behind it, shows of itself."""
    shown = ["".join(traceback.format_exception(error))]
    for each in chain_of(error):
        shown += [repr(each), str(each), repr(each.args), repr(vars(each)), repr(getattr(each, "__notes__", None))]
        shown += [repr(vars(value)) for value in vars(each).values() if hasattr(value, "__dict__")]
        shown.append(str(getattr(getattr(each, "request", None), "body", None)))
    return "\n".join(shown)


def assert_silent(shown: str) -> None:
    """Fail where a secret shows, in any way that JSON, URLs or Python write it."""
    for secret in SECRETS:
        for written in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], repr(secret.encode())[2:-1]):
            assert written not in shown


def errors_of(url: str, **settings: Any) -> Iterator[GatewayError]:
    """Send with a token, and with login and password, and yield the errors."""
    for credentials in (TOKEN, ALL):
        policy = RetryPolicy(attempts=2, first_pause=0.0, longest_pause=0.0)
        with GatewayClient(url, credentials, timeout=0.3, retry=policy, **settings) as client:
            with pytest.raises(GatewayError) as caught:
                client.send([message(phone=PHONE, text=TEXT), message(1, phone=PHONE, text=TEXT)])
            yield caught.value
            assert_silent(repr(client) + str(client))


@contextmanager
def a_wire(deed: Deed, *, patient: bool = False) -> Iterator[str]:
    """Give the address of a server that does so."""
    with WireServer(deed, patient=patient) as server:
        yield server.url


@contextmanager
def nobody() -> Iterator[str]:
    """Give an address where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def just(address: str) -> Iterator[str]:
    """Give an address as it is."""
    yield address


def echo(connection: socket.socket) -> None:
    """Answer with a status line that no client can read and that repeats much."""
    connection.sendall(f"{CANARY} {TEXT} canary-login canary-password {PHONE}\r\n\r\n".encode())


FAULTS: dict[str, Callable[[], Any]] = {
    "lost": lambda: a_wire(hang_up),
    "reset": lambda: a_wire(reset),
    "silent": lambda: a_wire(hang_up, patient=True),
    "no http": lambda: a_wire(echo),
    "cut": lambda: a_wire(http(b'{"information":[')[:-4]),
    "html": lambda: a_wire(http(b"<html>")),
    "gzip": lambda: a_wire(http(b"no gzip", "200 OK", "Content-Encoding: gzip")),
    "500": lambda: a_wire(http(b"", "500 Internal")),
    "404": lambda: a_wire(http(b"", "404 Not")),
    "413": lambda: a_wire(http(b"", "413 Large")),
    "redirect": lambda: a_wire(http(b"", "302 Found", "Location: http://elsewhere.example/canary-login")),
    "miscount": lambda: a_wire(http(b'{"information":[{"id_sms":1}]}')),
    "refused": nobody,
    "no address": lambda: just("http://"),
    "no scheme": lambda: just("gateway.example"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_shows_a_secret(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), FAULTS[fault]() as address:
        found = list(errors_of(address))

    assert len(found) == 2
    for error in found:
        assert_silent(shown_in(error))
    assert_silent(caplog.text)


@pytest.mark.parametrize("text", [entry.english for entry in CATALOGUE] + ["words that nobody knows"])
def test_no_refusal_shows_a_secret(text: str) -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", json={"error": text}, status_code=400)
        for error in errors_of("http://gateway.example"):
            assert_silent(shown_in(error))
            assert str(error) == text


def test_an_answer_that_repeats_the_whole_request_shows_none_of_it() -> None:
    for status, before in itertools.product((200, 400, 500), (b"", b"Bad request: ")):
        with requests_mock.Mocker() as mock:
            mock.post(
                "http://gateway.example/json",
                content=lambda request, _, before=before: before + request.body,
                status_code=status,
            )
            for error in errors_of("http://gateway.example"):
                assert_silent(shown_in(error))


@pytest.mark.parametrize("ascii_only", [True, False])
def test_words_that_repeat_the_whole_request_are_shown_without_its_secrets(ascii_only: bool) -> None:
    def refuse(request: Any, _: object) -> bytes:
        words = f"Bad request: {json.loads(request.body)}"
        return json.dumps({"error": words[:290]}, ensure_ascii=ascii_only).encode()

    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", content=refuse)
        for error in errors_of("http://gateway.example"):
            shown = shown_in(error)
            assert str(error).startswith("Bad request: {'")
            assert "***" in shown
            for secret in (CANARY, "canary-login", "canary-password", PHONE):
                assert secret not in shown


def test_entries_that_repeat_the_secrets_are_shown_without_them() -> None:
    entry = {"state": "error", "error": "canary-login may not send with canary-password"}
    with requests_mock.Mocker() as mock, GatewayClient("http://gateway.example", ALL) as client:
        mock.post("http://gateway.example/json", json={"information": [entry, {"id_sms": 77}]})
        answers = client.send([message(0), message(1)])
    assert answers == [(None, "*** may not send with ***"), ("77", None)]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b'{"error":"a canary-word b"}', b'{"error": "a *** b"}'),
        (b'{"information":[{"error":"canary-word"}]}', b'{"information": [{"error": "***"}]}'),
        (b'{"information":[{"id_sms":"canary-word"}]}', b'{"information": [{"id_sms": "canary-word"}]}'),
        (b'{"error":5,"x":"canary-word"}', b'{"error": 5, "x": "canary-word"}'),
        (b'{"error":"nothing of it"}', b'{"error":"nothing of it"}'),
        (b'{"error":"canary-word', b'{"error":"canary-word'),
        (b'{"error":' * 100_000 + b'"canary-word', b'{"error":' * 100_000 + b'"canary-word'),
        (b'{"error":"Incorrect login or Password."}', b'{"error": "Incorrect login or Password."}'),
        (b'{"error":"which Password."}', b'{"error": "which ***."}'),
        (rb'{"error":"\u041a\u043b\u044e\u0447"}', b'{"error": "***"}'),
        ('{"error":"Ключ"}'.encode(), b'{"error": "***"}'),
        (b'{"error":"say \\"hi\\" now"}', b'{"error": "say *** now"}'),
        (rb'{"error":"not half\/half"}', b'{"error": "not ***"}'),
        (rb'{"error":"not \u0422\/\u0422"}', b'{"error": "not ***"}'),
        ('{"error":"a canary-word b"}'.encode("utf-16"), b'{"error": "a *** b"}'),
    ],
)
def test_a_secret_is_taken_out_of_error_texts_only(content: bytes, shown: bytes) -> None:
    assert hide_secrets(content, ["", "canary-word", "Password", "Ключ", '"hi"', "half/half", "Т/Т"]) == shown


def test_an_answer_without_a_secret_stays_the_same_bytes() -> None:
    content = b'{"information" : [ ] }'
    assert hide_secrets(content, ["canary-word", ""]) is content


@pytest.mark.parametrize("fault", FAULTS)
def test_every_error_stands_alone(fault: str) -> None:
    with FAULTS[fault]() as address:
        for error in errors_of(address):
            assert [type(each).__module__ for each in chain_of(error) if not isinstance(each, GatewayError)] == []
            assert error.__traceback__ is not None


def test_an_error_survives_the_way_to_another_process() -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", status_code=503, headers={"Retry-After": "301"})
        for error in errors_of("http://gateway.example"):
            other = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
            assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))
