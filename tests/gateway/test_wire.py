"""What the wire can do to a request: each fault ends in an error that tells what is known of the messages."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.documents import LateAnswer
from airflow_provider_mysmpp.gateway.errors import AmbiguousError, GatewayError, RedirectError, UnavailableError
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.gateway.support import client_of, failure_of, messages, sandbox_credentials
from tests.gateway.wire import Deed, WireServer, hang_up, http, reset

ANSWER = b'{"information":[{"state":"send","id_sms":77}]}'


def test_an_answer_in_one_piece_is_read() -> None:
    with WireServer(http(ANSWER)) as server, client_of(server.url) as client:
        assert client.send(messages(1)) == [("77", None)]


@pytest.mark.parametrize("pieces", [1, 7, 40])
def test_an_answer_in_many_pieces_is_read(pieces: int) -> None:
    def drip(connection: socket.socket) -> None:
        data = http(ANSWER)
        for start in range(0, len(data), pieces):
            connection.sendall(data[start : start + pieces])

    with WireServer(drip) as server, client_of(server.url) as client:
        assert client.send(messages(1)) == [("77", None)]


def test_a_compressed_and_chunked_answer_is_read() -> None:
    packed = gzip.compress(ANSWER)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    with WireServer(head + chunked) as server, client_of(server.url) as client:
        assert client.send(messages(1)) == [("77", None)]


BROKEN_ANSWERS: dict[str, tuple[Deed, str]] = {
    "lost": (hang_up, "the connection failed"),
    "reset": (reset, "the connection failed"),
    "no http": (b"220 smtp.example ready\r\n\r\n", "the connection failed"),
    "bad status line": (b"HTTP/1.1 fine OK\r\n\r\n", "the connection failed"),
    "cut head": (b"HTTP/1.1 200 OK\r\nContent-", "not JSON"),
    "endless head": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "the connection failed"),
    "too many headers": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "the connection failed"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx", "the connection failed"),
    "cut body": (http(ANSWER)[:-5], "the answer broke off"),
    "broken chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
        "the answer broke off",
    ),
    "cut chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s" % (len(ANSWER), ANSWER[:9]),
        "the answer broke off",
    ),
    "garbage gzip": (http(ANSWER, "200 OK", "Content-Encoding: gzip"), "the answer can't be decompressed"),
    "cut gzip": (http(gzip.compress(ANSWER)[:9], "200 OK", "Content-Encoding: gzip"), "not JSON"),
    "empty": (http(b""), "not JSON"),
    "html": (http(b"<html>Maintenance</html>"), "not JSON"),
    "cut json": (http(ANSWER[:-4]), "not JSON"),
    "other json": (http(b"[]"), "neither 'information' nor 'error'"),
}


@pytest.mark.parametrize("fault", BROKEN_ANSWERS)
def test_a_broken_answer_leaves_it_open_whether_the_messages_were_sent(fault: str) -> None:
    deed, words = BROKEN_ANSWERS[fault]
    with WireServer(deed) as server:
        error = failure_of(client_of(server.url))

    assert isinstance(error, UnavailableError)
    assert words in str(error)
    assert (error.maybe_sent, error.repeatable, error.retryable) == (True, True, True)


@pytest.mark.parametrize("fault", BROKEN_ANSWERS)
def test_after_a_broken_answer_the_same_bytes_are_sent_once_more(fault: str) -> None:
    deed, _ = BROKEN_ANSWERS[fault]
    with WireServer(deed, http(ANSWER)) as server, client_of(server.url, attempts=2) as client:
        assert client.send(messages(1)) == [("77", None)]
        assert client.requests_made == 2

    first, second = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert first == second
    assert b'"client_id_sms":"101"' in first


def test_a_silent_gateway_is_given_up_after_the_read_timeout() -> None:
    with WireServer(hang_up, patient=True) as server:
        error = failure_of(client_of(server.url, timeout=0.2))

    assert isinstance(error, UnavailableError)
    assert "no answer in time (ReadTimeout)" in str(error)
    assert error.maybe_sent
    assert len(server.requests) == 1


def test_an_answer_that_stops_half_way_is_given_up() -> None:
    with WireServer(http(ANSWER)[:-5], patient=True) as server:
        error = failure_of(client_of(server.url, timeout=0.2))

    assert isinstance(error, UnavailableError)
    assert error.maybe_sent


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """A port of this machine on which nobody listens, and on which nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_refused_connection_has_sent_nothing(refusing_port: int) -> None:
    error = failure_of(client_of(f"http://127.0.0.1:{refusing_port}"))

    assert isinstance(error, UnavailableError)
    assert "the connection failed (ConnectionError)" in str(error)
    assert (error.maybe_sent, error.repeatable) == (False, True)


def test_an_unknown_host_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    error = failure_of(client_of("http://gateway.example"))

    assert isinstance(error, UnavailableError)
    assert (error.maybe_sent, error.repeatable) == (False, True)


def test_a_connection_that_does_not_come_about_in_time_has_sent_nothing() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for filler in waiting:  # the queue of the listening socket is full after these
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            error = failure_of(client_of(f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout=0.2))
        finally:
            for filler in waiting:
                filler.close()

    assert isinstance(error, UnavailableError)
    assert "no connection in time (ConnectTimeout)" in str(error)
    assert (error.maybe_sent, error.repeatable) == (False, True)


@pytest.mark.parametrize(
    "address",
    ["gateway.example", "ftp://gateway.example", "http://", "http://[::1", "http://a b", f"http://{'g' * 64}.example"],
)
def test_an_address_that_is_none_has_sent_nothing_and_is_not_asked_again(address: str) -> None:
    client = client_of(address, attempts=3)
    error = failure_of(client)

    assert isinstance(error, UnavailableError)
    assert "its address is not valid" in str(error)
    assert (error.maybe_sent, error.repeatable) == (False, False)
    assert client.requests_made == 1


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "304 No", "307 Temporary", "308 Permanent"]
)
def test_a_redirect_is_refused_and_not_followed(status: str) -> None:
    with WireServer(http(ANSWER)) as elsewhere, WireServer(http(b"", status, f"Location: {elsewhere.url}/x")) as server:
        error = failure_of(client_of(server.url, attempts=3))

    assert isinstance(error, RedirectError)
    assert error.status_code == int(status[:3])
    assert (error.code, error.maybe_sent) == ("redirect", True)
    assert (len(server.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize("location", ["http://[", "http://h:99999999/", "\xff", "", "//"])
def test_a_redirect_to_nowhere_is_a_redirect_too(location: str) -> None:
    with WireServer(http(b"", "302 Found", f"Location: {location}")) as server:
        assert isinstance(failure_of(client_of(server.url, attempts=3)), RedirectError)

    assert len(server.requests) == 1


SANDBOX_FAULTS: dict[str, tuple[dict[str, Any], type[GatewayError], bool]] = {
    "lost_answer": ({}, UnavailableError, True),
    "reset": ({}, UnavailableError, True),
    "status": ({"status": 502}, UnavailableError, True),
    "too_many": ({"retry_after": "0"}, UnavailableError, False),
    "cut_json": ({}, UnavailableError, True),
    "html": ({}, UnavailableError, True),
    "empty": ({}, UnavailableError, True),
    "redirect": ({}, RedirectError, True),
    "too_few": ({}, AmbiguousError, True),
    "too_many_entries": ({}, AmbiguousError, True),
}


@pytest.mark.parametrize("fault", SANDBOX_FAULTS)
def test_a_fault_of_a_real_gateway_ends_in_its_error(fault: str, mysmpp_sandbox: SandboxServer) -> None:
    params, kind, maybe_sent = SANDBOX_FAULTS[fault]
    mysmpp_sandbox.add_fault(fault, **params)
    client = client_of(mysmpp_sandbox.url, credentials=sandbox_credentials())

    error = failure_of(client, count=2)

    assert type(error) is kind
    assert error.maybe_sent is maybe_sent


@pytest.mark.parametrize("fault", [name for name, (_, kind, _) in SANDBOX_FAULTS.items() if kind is UnavailableError])
def test_what_a_repetition_can_heal_is_repeated_and_texts_nobody_twice(
    fault: str, mysmpp_sandbox: SandboxServer
) -> None:
    mysmpp_sandbox.add_fault(fault, **SANDBOX_FAULTS[fault][0])
    with client_of(mysmpp_sandbox.url, attempts=3, credentials=sandbox_credentials()) as client:
        answers = client.send(messages(3), stop=Event())

    ledger = {entry["client_id_sms"]: str(entry["id_sms"]) for entry in mysmpp_sandbox.messages()}
    assert len(ledger) == len(mysmpp_sandbox.messages()) == 3
    assert [answer.id_sms for answer in answers] == [ledger[sent.client_id_sms] for sent in messages(3)]


def test_answers_to_a_repeated_request_say_that_an_earlier_one_may_have_sent_the_messages() -> None:
    with WireServer(hang_up, http(ANSWER)) as server, client_of(server.url, attempts=2) as client:
        [answer] = client.send(messages(1))
    assert answer == ("77", None)
    assert isinstance(answer, LateAnswer)


@pytest.mark.parametrize("deeds", [(http(ANSWER),), (http(b"", "429 Too Many Requests"), http(ANSWER))])
def test_answers_without_a_doubt_before_them_do_not(deeds: tuple[Deed, ...]) -> None:
    with WireServer(*deeds) as server, client_of(server.url, attempts=2) as client:
        [answer] = client.send(messages(1))
    assert answer == ("77", None)
    assert not isinstance(answer, LateAnswer)
