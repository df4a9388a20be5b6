"""Faults on demand, each as a client meets it."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
import requests

from airflow_provider_mysmpp.sandbox.faults import KINDS
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.support import wait_until

from .client import CREDENTIALS, document, message, phone, post, send, states

TWO = document(message(phone("79612242243", "1"), phone("79612242244", "2")))


def stored(sandbox: SandboxServer) -> int:
    return len(sandbox.messages())


def answered_again(sandbox: SandboxServer) -> list[Any]:
    """Return the ids of the same request in good health, which show what the gateway kept."""
    return [entry["id_sms"] for entry in post(sandbox, TWO).json()["information"]]


def raw_exchange(sandbox: SandboxServer) -> bytes:
    """Send a request by hand and return every byte that comes back."""
    with socket.create_connection((sandbox.host, sandbox.port), timeout=20) as client:
        head = f"POST /json HTTP/1.1\r\nHost: {sandbox.host}\r\nContent-Length: 2\r\n\r\n"
        client.sendall(head.encode() + b"{}")
        received = b""
        while piece := client.recv(4096):
            received += piece
        return received


def test_a_lost_answer_is_processed_and_the_connection_closed(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("lost_answer")
    with pytest.raises(requests.ConnectionError, match="without response"):
        post(mysmpp_sandbox, TWO)
    kept = [m["id_sms"] for m in mysmpp_sandbox.messages()]
    assert len(kept) == 2
    assert answered_again(mysmpp_sandbox) == kept
    first, second = mysmpp_sandbox.requests()
    assert (first["status"], first["fault"], first["accepted"]) == (None, "lost_answer", 2)
    assert (second["status"], second["fault"], second["repeated"]) == (200, None, 2)


def test_a_lost_answer_leaves_not_one_byte(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("lost_answer")
    assert raw_exchange(mysmpp_sandbox) == b""


def test_a_reset_stores_nothing(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("reset", times=2)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        post(mysmpp_sandbox, TWO)
    with pytest.raises(ConnectionResetError):
        raw_exchange(mysmpp_sandbox)
    assert stored(mysmpp_sandbox) == 0
    noted = mysmpp_sandbox.requests()[0]
    assert (noted["status"], noted["phones"], noted["client_ids"]) == (None, 2, ["1", "2"])
    assert (noted["accepted"], noted["error"]) == (0, None)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    ("kind", "params", "status"),
    [
        ("status", {"status": 502}, 502),
        ("status", {"status": 204}, 204),
        ("too_many", {}, 429),
        ("html", {}, 200),
        ("empty", {}, 200),
        ("redirect", {}, 302),
        ("body", {"body": "<?xml"}, 200),
        ("body", {"body": "{}", "status": 500}, 500),
    ],
)
def test_answers_that_say_nothing_of_the_messages(
    mysmpp_sandbox: SandboxServer, kind: str, params: dict[str, Any], status: int, kept: bool
) -> None:
    mysmpp_sandbox.add_fault(kind, **params, processed=kept)
    answer = post(mysmpp_sandbox, TWO)
    assert answer.status_code == status
    assert stored(mysmpp_sandbox) == (2 if kept else 0)
    assert mysmpp_sandbox.requests()[0]["fault"] == kind


def test_their_bodies(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("status", status=503)
    mysmpp_sandbox.add_fault("html")
    mysmpp_sandbox.add_fault("empty")
    mysmpp_sandbox.add_fault("body", body='{"information": null}')
    unavailable, html, empty, raw = (post(mysmpp_sandbox, TWO) for _ in range(4))
    assert unavailable.headers["content-type"] == html.headers["content-type"] == "text/html; charset=utf-8"
    assert unavailable.text.startswith("<html>")
    assert html.text.startswith("<html>")
    assert empty.content == b""
    assert raw.json() == {"information": None}


def test_what_is_processed_unless_the_fault_says_so(mysmpp_sandbox: SandboxServer) -> None:
    never = {"reset", "status", "too_many", "redirect", "body", "error"}
    assert {name for name, kind in KINDS.items() if not kind.processed} == never


@pytest.mark.parametrize("wait", [3, "3", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_too_many_says_when_to_come_back(mysmpp_sandbox: SandboxServer, wait: int | str) -> None:
    mysmpp_sandbox.add_fault("too_many", retry_after=wait)
    assert post(mysmpp_sandbox, TWO).headers["retry-after"] == str(wait)


def test_too_many_may_say_nothing(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("too_many")
    assert "retry-after" not in post(mysmpp_sandbox, TWO).headers


def test_cut_json(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("cut_json")
    answer = post(mysmpp_sandbox, TWO)
    assert answer.content.startswith(b'{"information"')
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert stored(mysmpp_sandbox) == 2


def test_a_redirect_points_elsewhere(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("redirect", location="http://127.0.0.1:1/json", status=307)
    answer = post(mysmpp_sandbox, TWO)
    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:1/json")


def test_a_delay_after_processing(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("delay", seconds=5)
    with pytest.raises(requests.Timeout):
        requests.post(
            mysmpp_sandbox.url + "/json",
            json=TWO,
            headers={"Content-Type": "text/json; charset=utf-8"},
            timeout=0.5,
        )
    assert stored(mysmpp_sandbox) == 2


def test_a_delay_before_processing(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("delay", seconds=1, when="before")
    started = time.monotonic()
    waiting = threading.Thread(target=post, args=(mysmpp_sandbox, TWO))
    waiting.start()
    wait_until(lambda: mysmpp_sandbox.api("GET", "/api/faults") == {"faults": []}, "the delay to begin")
    assert stored(mysmpp_sandbox) == 0
    waiting.join()
    assert time.monotonic() - started >= 1
    assert stored(mysmpp_sandbox) == 2


def test_entries_that_do_not_fit(mysmpp_sandbox: SandboxServer) -> None:
    one, two = answered_again(mysmpp_sandbox)
    for kind in ("too_few", "too_many_entries", "one_id", "string_ids", "id_and_error", "neither"):
        mysmpp_sandbox.add_fault(kind)
    few, many, same, strings, both, neither = (post(mysmpp_sandbox, TWO).json()["information"] for _ in range(6))
    sent = [{"state": "send", "id_sms": id_sms} for id_sms in (one, two)]
    assert few == sent[:1]
    assert many == [*sent, {"state": "send", "id_sms": two + 1}]
    assert same == [sent[0], sent[0]]
    assert strings == [{**entry, "id_sms": str(entry["id_sms"])} for entry in sent]
    assert both == [{**entry, "error": "SMS text rejected by moderator"} for entry in sent]
    assert neither == [{"state": "send"}] * 2
    assert stored(mysmpp_sandbox) == 2


def test_faults_of_entries_leave_refusals_alone(mysmpp_sandbox: SandboxServer) -> None:
    for kind in ("one_id", "string_ids", "id_and_error"):
        mysmpp_sandbox.add_fault(kind)
        assert send(mysmpp_sandbox, message(phone("79000000101"))) == [{"error": "Phone number is on the stop list"}]
    mysmpp_sandbox.add_fault("too_few")
    assert post(mysmpp_sandbox, b"[]").json() == {"error": "Incorrect JSON document format"}


@pytest.mark.parametrize(
    ("params", "status", "text"),
    [
        ({"code": "account_locked"}, 200, "Your account is locked"),
        ({"code": "out_of_sms"}, 400, "Out of SMS"),
        ({"code": "account_blocked", "status": 403}, 403, "Account blocked"),
        ({"code": "bad_credentials", "language": "ru"}, 200, "Неправильный логин или пароль"),
        ({"code": "unknown"}, 200, "The operator is on holiday"),
    ],
)
def test_an_error_of_the_whole_request(
    mysmpp_sandbox: SandboxServer, params: dict[str, Any], status: int, text: str
) -> None:
    mysmpp_sandbox.add_fault("error", **params)
    answer = post(mysmpp_sandbox, TWO)
    assert (answer.status_code, answer.json()) == (status, {"error": text})
    assert stored(mysmpp_sandbox) == 0


def test_an_error_speaks_the_sandboxs_language(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(language="ru")
    mysmpp_sandbox.add_fault("error", code="out_of_sms")
    assert post(mysmpp_sandbox, TWO).json() == {"error": "Закончились SMS"}


def test_the_queue_is_a_script(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("status", status=500, times=2, after=1)
    mysmpp_sandbox.add_fault("status", status=503, after=1)
    statuses = [post(mysmpp_sandbox, TWO).status_code for _ in range(6)]
    assert statuses == [200, 500, 500, 200, 503, 200]
    assert mysmpp_sandbox.api("GET", "/api/faults") == {"faults": []}


def test_a_fault_without_an_end(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("status", status=500, times=None)
    assert {post(mysmpp_sandbox, TWO).status_code for _ in range(5)} == {500}
    (waiting,) = mysmpp_sandbox.api("GET", "/api/faults")["faults"]
    assert (waiting["hits"], waiting["times"], waiting["status"]) == (5, None, 500)
    mysmpp_sandbox.api("DELETE", "/api/faults")
    assert post(mysmpp_sandbox, TWO).status_code == 200


def test_faults_of_the_other_calls(mysmpp_sandbox: SandboxServer) -> None:
    (id_sms,) = (entry["id_sms"] for entry in send(mysmpp_sandbox, message()))
    mysmpp_sandbox.add_fault("status", status=500, path="/json/balance.php")
    mysmpp_sandbox.add_fault("string_ids", path="/json/state.php")
    assert post(mysmpp_sandbox, TWO).status_code == 200
    assert states(mysmpp_sandbox, id_sms)[0]["id_sms"] == str(id_sms)
    assert post(mysmpp_sandbox, CREDENTIALS, "/json/balance.php").status_code == 500
    assert post(mysmpp_sandbox, CREDENTIALS, "/json/balance.php").status_code == 200


def faults_by_chance(sandbox: SandboxServer, seed: int) -> list[str | None]:
    sandbox.clear()
    sandbox.add_fault("too_many", probability=0.3, seed=seed)
    sandbox.add_fault("html", probability=0.3, seed=seed + 1)
    for _ in range(60):
        post(sandbox, TWO)
    return [request["fault"] for request in sandbox.requests()]


def test_faults_by_chance_repeat_with_their_seed(mysmpp_sandbox: SandboxServer) -> None:
    run = faults_by_chance(mysmpp_sandbox, 1)
    assert set(run) == {None, "too_many", "html"}
    assert faults_by_chance(mysmpp_sandbox, 1) == run
    assert faults_by_chance(mysmpp_sandbox, 5) != run


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "kind"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": ["reset"]}, "kind"),
        ({"kind": "status"}, "status"),
        ({"kind": "status", "status": 99}, "status"),
        ({"kind": "status", "status": True}, "status"),
        ({"kind": "delay"}, "seconds"),
        ({"kind": "delay", "seconds": -1}, "seconds"),
        ({"kind": "reset", "tmies": 2}, "tmies"),
        ({"kind": "reset", "times": 0}, "times"),
        ({"kind": "reset", "processed": True}, "processed"),
        ({"kind": "reset", "path": "/jsno"}, "path"),
        ({"kind": "reset", "probability": 2}, "probability"),
        ({"kind": "error", "code": "out_of_tea"}, "code"),
        ({"kind": "too_many", "retry_after": "1\r\nX: y"}, "retry_after"),
    ],
)
def test_a_misspelt_fault_is_refused(mysmpp_sandbox: SandboxServer, given: dict[str, Any], word: str) -> None:
    answer = requests.post(mysmpp_sandbox.url + "/api/faults", json=given, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{word}: ")
    assert mysmpp_sandbox.api("GET", "/api/faults") == {"faults": []}
