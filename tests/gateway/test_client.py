"""The client: what leaves, over which connection, how often and when not."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import requests
import requests_mock
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from airflow_provider_mysmpp.gateway import client as client_module
from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.documents import Message, send_document
from airflow_provider_mysmpp.gateway.errors import RedirectError, StoppedError, UnavailableError
from tests.gateway.support import client_of, failure_of, message, messages
from tests.gateway.wire import WireServer, http, read_request

ANSWER = {"information": [{"state": "send", "id_sms": 77}]}
RAW_ANSWER = b'{"information":[{"state":"send","id_sms":77}]}'


def test_the_request_is_the_one_of_the_document(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/json", method="POST").respond_with_json(ANSWER)
    credentials = Credentials(login="l", password="p")
    with client_of(httpserver.url_for(""), credentials=credentials) as client:
        assert client.send(messages(1)) == [("77", None)]

    [(request, _)] = httpserver.log
    assert request.headers["Content-Type"] == "text/json; charset=utf-8;"
    assert request.headers["Accept"] == "application/json"
    assert request.get_data() == send_document(credentials.fields(), messages(1))[0]
    assert int(request.headers["Content-Length"]) == len(request.get_data())
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("path", "asked"), [("", "/json"), ("/", "/json"), ("//", "/json"), ("/proxied", "/proxied/json")]
)
def test_the_path_is_put_behind_the_address(path: str, asked: str, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(asked).respond_with_json(ANSWER)
    with client_of(httpserver.url_for("").rstrip("/") + path) as client:
        assert client.send(messages(1)) == [("77", None)]


def test_answers_come_back_in_the_order_of_the_messages_whatever_the_order_of_the_phones(
    httpserver: HTTPServer,
) -> None:
    def number_by_phone(request: Request) -> Response:
        document = request.get_json(force=True)
        phones = [phone["phone"] for group in document["message"] for phone in group["phones"]]
        entries = [{"id_sms": int(phone)} for phone in phones]
        return Response(json.dumps({"information": entries}))

    httpserver.expect_request("/json").respond_with_handler(number_by_phone)
    batch = [message(number, text=f"text {number % 3}", sender=f"S{number % 2}") for number in range(50)]
    with client_of(httpserver.url_for("")) as client:
        assert [answer.id_sms for answer in client.send(batch)] == [sent.phone for sent in batch]


def test_one_connection_serves_one_request_after_another() -> None:
    def answer_twice(connection: socket.socket) -> None:
        alive = RAW_ANSWER.join([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(RAW_ANSWER), b""])
        connection.sendall(alive)
        server.requests.append(read_request(connection))
        connection.sendall(alive)

    with WireServer(answer_twice) as server, client_of(server.url) as client:
        assert client.send(messages(1)) == client.send(messages(1)) == [("77", None)]
        assert server.connections == 1


def test_a_connection_that_the_gateway_closed_meanwhile_is_opened_anew() -> None:
    with WireServer(http(RAW_ANSWER)) as server, client_of(server.url) as client:
        assert client.send(messages(1)) == client.send(messages(1)) == [("77", None)]
        assert server.connections == 2


def test_requests_are_counted_over_all_threads(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/json").respond_with_json(ANSWER)
    with client_of(httpserver.url_for("")) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.send(messages(1)), range(64)))

    assert answers == [[("77", None)]] * 64
    assert client.requests_made == len(httpserver.log) == 64


def test_an_error_of_the_library_without_words_is_no_answer_either() -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", exc=requests.ConnectionError())
        error = failure_of(client_of("http://gateway.example"))
    assert str(error) == "No answer from the gateway: the connection failed (ConnectionError)"
    assert error.maybe_sent


def test_failed_requests_are_counted_too() -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", status_code=503)
        client = client_of("http://gateway.example", attempts=4)
        failure_of(client)
    assert client.requests_made == mock.call_count == 4


@pytest.mark.parametrize(
    ("settings", "timeout"),
    [
        ({}, (10.0, 60.0)),
        ({"timeout": 5.0}, (5.0, 5.0)),
        ({"timeout": 30.0}, (10.0, 30.0)),
        ({"timeout": 30.0, "connect_timeout": 2.0}, (2.0, 30.0)),
    ],
)
@pytest.mark.parametrize("verify", [False, "/bundle.pem"])
def test_a_request_waits_no_longer_and_trusts_no_more_than_told(
    settings: dict[str, Any], timeout: tuple[float, float], verify: bool | str
) -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", json=ANSWER)
        with GatewayClient("http://gateway.example", Credentials(token="t"), verify=verify, **settings) as client:
            client.send(messages(1))
    request = mock.last_request
    assert request is not None
    assert request.timeout == timeout
    assert request.verify == verify


def test_certificates_are_verified_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with requests_mock.Mocker() as mock:
        mock.post("https://gateway.example/json", json=ANSWER)
        with GatewayClient("https://gateway.example", Credentials(token="t")) as client:
            client.send(messages(1))
    assert mock.last_request is not None
    assert mock.last_request.verify is True


def test_a_client_is_patient_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_mysmpp.gateway.retrying.RetryPolicy.pause", lambda *_: 0.0)
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", status_code=503)
        failure_of(GatewayClient("http://gateway.example", Credentials(token="t")))
    assert mock.call_count == 5


def test_an_error_of_the_program_in_reading_an_answer_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(client_module, "read_send_answer", broken)
    with requests_mock.Mocker() as mock, client_of("http://gateway.example") as client:
        mock.post("http://gateway.example/json", json=ANSWER)
        with pytest.raises(KeyError):
            client.send(messages(1))


def test_a_message_that_is_none_leaves_nothing_behind() -> None:
    with requests_mock.Mocker() as mock, client_of("http://gateway.example") as client:
        with pytest.raises(UnicodeEncodeError):
            client.send([message(text="\ud800")])
        assert (client.requests_made, mock.call_count) == (0, 0)


# Stop and pace


def test_nothing_is_sent_once_it_is_to_stop() -> None:
    stop = Event()
    stop.set()
    with requests_mock.Mocker() as mock:
        error = failure_of(client_of("http://gateway.example"), stop=stop)
    assert isinstance(error, StoppedError)
    assert (error.maybe_sent, mock.call_count) == (False, 0)


def test_a_stop_after_a_lost_answer_remembers_the_lost_answer() -> None:
    stop = Event()

    def lose(*_: object) -> bytes:
        stop.set()
        return b""

    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", content=lose)
        error = failure_of(client_of("http://gateway.example", attempts=3), stop=stop)
    assert isinstance(error, UnavailableError)
    assert (error.maybe_sent, mock.call_count) == (True, 1)


class FakePacer:
    """A pacer that writes down what it is asked."""

    made: list[float]
    waits: list[int]

    def __init__(self, per_second: float) -> None:
        self.made.append(per_second)

    def wait(self, messages: int, *, stop: Event) -> None:
        self.waits.append(messages)
        if len(self.waits) == 3:
            stop.set()


@pytest.fixture
def pacer(monkeypatch: pytest.MonkeyPatch) -> type[FakePacer]:
    """Pacers that sleep not, and what they were asked."""
    monkeypatch.setattr(FakePacer, "made", [], raising=False)
    monkeypatch.setattr(FakePacer, "waits", [], raising=False)
    monkeypatch.setattr(client_module, "Pacer", FakePacer)
    return FakePacer


def test_every_try_of_a_request_takes_its_share_of_the_rate(pacer: type[FakePacer]) -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", status_code=503)
        client = client_of("http://gateway.example", attempts=2, messages_per_second=7.5)
        failure_of(client, count=20)
    assert (pacer.made, pacer.waits) == ([7.5], [20, 20])
    assert client.messages_per_second == 7.5


def test_a_stop_while_it_waits_for_its_turn_lets_nothing_leave(pacer: type[FakePacer]) -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", status_code=503)
        error = failure_of(client_of("http://gateway.example", attempts=9, messages_per_second=7.5))
    assert isinstance(error, StoppedError)
    assert error.maybe_sent
    assert mock.call_count == 2


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_a_rate_nothing_waits(rate: float | None, pacer: type[FakePacer]) -> None:
    with requests_mock.Mocker() as mock, client_of("http://gateway.example", messages_per_second=rate) as client:
        mock.post("http://gateway.example/json", json=ANSWER)
        client.send(messages(1))
    assert pacer.made == []


@pytest.mark.parametrize(
    ("rate", "batch_size", "at_once"),
    [
        (None, 500, 500),
        (0.5, 500, 1),
        (1.0, 500, 1),
        (7.9, 500, 7),
        (499.0, 500, 499),
        (500.0, 500, 500),
        (1e6, 500, 500),
    ],
)
def test_a_request_holds_no_more_than_a_second_of_the_rate(rate: float | None, batch_size: int, at_once: int) -> None:
    assert client_of("http://gateway.example", messages_per_second=rate).most_at_once(batch_size) == at_once


# The object


def test_a_client_shows_its_address_and_no_credentials() -> None:
    client = GatewayClient("http://gateway.example/", Credentials(login="l", password="secret"))
    assert repr(client) == "GatewayClient('http://gateway.example')"
    assert client.base_url == "http://gateway.example"


def test_leaving_the_block_closes_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    client = client_of("http://gateway.example")
    monkeypatch.setattr("requests.Session.close", lambda _: closed.append(True))
    with client as entered:
        assert entered is client
        assert closed == []
    assert closed == [True]


def test_a_redirect_is_told_apart_from_a_lack_of_an_answer() -> None:
    with requests_mock.Mocker() as mock:
        mock.post("http://gateway.example/json", status_code=302, headers={"Location": "http://elsewhere.example/"})
        error = failure_of(client_of("http://gateway.example", attempts=3))
    assert isinstance(error, RedirectError)
    assert "Set the connection's schema, host and port" in str(error)
    assert mock.call_count == 1


def test_a_message_needs_no_row() -> None:
    assert Message("79612242243", "t", "S", "sms", "1")[5:] == (None, 0)
