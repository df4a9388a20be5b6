"""States on the sandbox's clock, parts, and the balance."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.sandbox.documents import ACCOUNT_TIME
from airflow_provider_mysmpp.sandbox.parts import count_parts
from airflow_provider_mysmpp.sandbox.states import PHONE_STATES, Clock
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.support import wait_until

from .client import CREDENTIALS, document, message, phone, post, send, states

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def stopped(mysmpp_sandbox: SandboxServer) -> SandboxServer:
    """A sandbox whose clock moves by hand, ten seconds a delivery."""
    mysmpp_sandbox.change(clock="stopped", delivery_seconds=10)
    return mysmpp_sandbox


def send_one(sandbox: SandboxServer, number: str = "79612242243", **more: object) -> int:
    (entry,) = send(sandbox, message(phone(number, **more)))
    return int(entry["id_sms"])


def state(sandbox: SandboxServer, id_sms: int) -> str:
    (entry,) = states(sandbox, id_sms)
    return str(entry["state"])


def balance(sandbox: SandboxServer) -> dict[str, Any]:
    return dict(post(sandbox, CREDENTIALS, "/json/balance.php").json())


def test_a_message_is_delivered_in_its_time(stopped: SandboxServer) -> None:
    id_sms = send_one(stopped)
    assert states(stopped, id_sms) == [{"id_sms": id_sms, "time_change_state": "", "state": "send"}]
    stopped.advance(9.5)
    assert state(stopped, id_sms) == "send"
    stopped.advance(0.5)
    (entry,) = states(stopped, id_sms)
    assert entry["state"] == "deliver"
    assert TIME.fullmatch(entry["time_change_state"])


@pytest.mark.parametrize(("number", "way"), PHONE_STATES.items())
def test_phones_with_a_way_of_their_own(stopped: SandboxServer, number: str, way: tuple[str, ...]) -> None:
    id_sms = send_one(stopped, number)
    seen = []
    for _ in range(3):
        seen.append(state(stopped, id_sms))
        stopped.advance(10)
    assert seen == ["send", *way, *[(way or ("send",))[-1]] * (2 - len(way))]


def test_a_long_leap_ends_in_the_last_state(stopped: SandboxServer) -> None:
    id_sms = send_one(stopped, "79000000202")
    stopped.advance(3600)
    assert state(stopped, id_sms) == "read"


def test_the_clock_runs_by_itself(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(delivery_seconds=0.2)
    id_sms = send_one(mysmpp_sandbox)
    assert state(mysmpp_sandbox, id_sms) == "send"
    wait_until(lambda: state(mysmpp_sandbox, id_sms) != "send", "another state", seconds=10)
    assert state(mysmpp_sandbox, id_sms) == "deliver"


def test_the_clock_stops_and_goes_on() -> None:
    clock = Clock()
    clock.run(False)
    stood = clock.now()
    time.sleep(0.02)
    assert clock.now() == stood
    clock.advance(100)
    clock.run(True)
    time.sleep(0.02)
    assert 100 < clock.now() - stood < 110
    assert clock.running


def test_the_validity_period_ends_before_delivery(stopped: SandboxServer) -> None:
    now = datetime.now(ACCOUNT_TIME)
    soon, late = (str(now + timedelta(seconds=seconds))[:19] for seconds in (5, 3600))
    short, long = (send_one(stopped, validity_period=end) for end in (soon, late))
    past = send_one(stopped, validity_period="2001-12-31 15:34:54")
    silent = send_one(stopped, "79000000207", validity_period=late)
    assert state(stopped, past) == "expired"
    stopped.advance(20)
    assert [state(stopped, id_sms) for id_sms in (short, long, silent)] == ["expired", "deliver", "send"]
    stopped.advance(3600)
    assert state(stopped, silent) == "expired"


def test_many_ids_in_one_question_and_the_unknown_left_out(stopped: SandboxServer) -> None:
    one, two = send_one(stopped), send_one(stopped)
    assert [entry["id_sms"] for entry in states(stopped, two, 1, str(one), 2**70)] == [two, one]
    assert states(stopped, 1) == []


def test_details(stopped: SandboxServer) -> None:
    (entry,) = send(stopped, message(text="Я" * 71))
    (told,) = states(stopped, entry["id_sms"], detail=1)
    assert (told["num_parts"], told["price"]) == ("2", "2.5")
    assert stopped.messages()[0]["parts"] == 2


@pytest.mark.parametrize("path", ["/json/state.php", "/json/balance.php"])
@pytest.mark.parametrize(
    "bad", [b"{", b"7", {}, [], [{}], {"login": "sandbox", "message": []}, [{"id_sms": 1, "x": 1}]]
)
def test_bad_questions(mysmpp_sandbox: SandboxServer, path: str, bad: object) -> None:
    answer = post(mysmpp_sandbox, bad, path)
    is_bare = path == "/json/balance.php" and bad == {}
    assert answer.json() == {"error": "Incorrect login or password" if is_bare else "Incorrect JSON document format"}
    assert answer.status_code == (200 if is_bare else 400)


@pytest.mark.parametrize(
    "bad",
    [
        {"detail": 2},
        {"detail": True},
        {"detail": "1"},
        {"id_sms": "x"},
        {"id_sms": None},
        {"id_sms": 1.5},
        {"id_sms": "1" * 5000},
    ],
)
def test_bad_values_in_a_question(mysmpp_sandbox: SandboxServer, bad: dict[str, object]) -> None:
    answer = post(mysmpp_sandbox, [{**CREDENTIALS, "id_sms": 1, **bad}], "/json/state.php")
    assert answer.status_code == 400


def test_every_question_needs_credentials(mysmpp_sandbox: SandboxServer) -> None:
    mixed = [{**CREDENTIALS, "id_sms": 1}, {"token": "other", "id_sms": 1}]
    assert post(mysmpp_sandbox, mixed, "/json/state.php").json() == {"error": "Incorrect login or password"}
    assert post(mysmpp_sandbox, {"token": "x"}, "/json/balance.php").json() == {"error": "Incorrect login or password"}


def test_questions_are_noted_by_their_path(mysmpp_sandbox: SandboxServer) -> None:
    states(mysmpp_sandbox, 1, 2)
    balance(mysmpp_sandbox)
    assert mysmpp_sandbox.requests() == []
    assert [r["phones"] for r in mysmpp_sandbox.requests(path="/json/state.php")] == [2]
    assert [r["status"] for r in mysmpp_sandbox.requests(path="/json/balance.php")] == [200]


def test_the_balance_is_written_as_documented(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(money="19023.90")
    areas = [{"type_sms": kind, "area": "Russia", "num_sms": "7609"} for kind in ("sms", "viber")]
    assert balance(mysmpp_sandbox) == {"money": "19023.9", "currency": "RUR", "information": areas}


def test_money_goes_down_with_each_part_sent_once(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(money=100, price="2.5")
    for _ in range(2):
        send(mysmpp_sandbox, message(phone(client_id=1), phone("79000000101", 2), text="Я" * 71))
    assert balance(mysmpp_sandbox)["money"] == "95"
    mysmpp_sandbox.change(money=0.01)
    assert balance(mysmpp_sandbox)["money"] == "0.01"


def test_a_free_gateway_is_unlimited(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(money=0, price=0)
    assert balance(mysmpp_sandbox)["information"][0]["num_sms"] == "Unlim"
    assert "id_sms" in send(mysmpp_sandbox, message())[0]


def test_money_runs_out_within_a_request(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(money=5, price="2.5")
    body = document(message(*(phone(client_id=number) for number in range(3))))
    entries = post(mysmpp_sandbox, body).json()["information"]
    assert [entry.keys() for entry in entries] == [{"state", "id_sms"}, {"state", "id_sms"}, {"error"}]
    assert entries[2]["error"] == "Out of SMS"
    # What was sent is still told; what is new is refused as a whole when there is nothing left.
    assert post(mysmpp_sandbox, body).json()["information"] == entries
    answer = post(mysmpp_sandbox, document(message(phone(client_id=7))))
    assert (answer.status_code, answer.json()) == (400, {"error": "Out of SMS"})
    assert balance(mysmpp_sandbox)["money"] == "0"


@pytest.mark.parametrize(
    ("given_settings", "word"),
    [
        ({"delivery_seconds": -1}, "delivery_seconds"),
        ({"delivery_seconds": "2"}, "delivery_seconds"),
        ({"clock": "backwards"}, "clock"),
        ({"money": "much"}, "money"),
        ({"money": "1e999999"}, "money"),
        ({"price": 0.001}, "price"),
        ({"language": "de"}, "language"),
        ({"webhook": "file:///etc/passwd"}, "webhook"),
        ({"webhook": "http://me:secret@127.0.0.1/"}, "webhook"),
        ({"webhook": "http://[::1"}, "webhook"),
        ({"client_id_limit": 0}, "client_id_limit"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_change_together_or_not_at_all(
    mysmpp_sandbox: SandboxServer, given_settings: dict[str, object], word: str
) -> None:
    before = mysmpp_sandbox.api("GET", "/api/settings")
    with pytest.raises(ValueError, match=f"400.*{word}: "):
        mysmpp_sandbox.change(**{"price": 7, "clock": "stopped", **given_settings})
    assert mysmpp_sandbox.api("GET", "/api/settings") == before


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 7, 2),
        ("€" * 77 * 2, 3),
        ("Я" * 70, 1),
        ("Я" * 71, 2),
        ("Я" * 134, 2),
        ("Я" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),
        ("a" * 70 + "—", 2),
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert count_parts(text, "sms") == parts
    assert count_parts(text, "viber") == 1


@given(st.text(max_size=400), st.text(max_size=20))
def test_more_text_never_takes_fewer_parts(text: str, more: str) -> None:
    assert count_parts(text, "sms") <= count_parts(text + more, "sms")
