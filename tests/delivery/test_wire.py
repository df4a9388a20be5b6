"""The hook and the client ask the sandbox for states and balance over a real socket."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.client import GatewayClient
from airflow_provider_mysmpp.gateway.errors import RefusedError, StoppedError, UnavailableError
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.gateway.states import MessageState
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.sandbox.states import PHONE_STATES
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .conftest import Send

STATES = "/json/state.php"
BALANCE = "/json/balance.php"


def asked(gateway: SandboxServer) -> list[int]:
    return [request["phones"] for request in gateway.requests(path=STATES)]


def test_states_as_the_gateway_tells_them(gateway: SandboxServer, send: Send) -> None:
    ids = send("79612242243", "79000000203")
    gateway.advance(10)
    delivered, failed = MySmppHook().get_states(ids, detail=True)
    assert [state.id_sms for state in (delivered, failed)] == ids
    assert [state.state for state in (delivered, failed)] == ["deliver", "not_deliver"]
    assert delivered.parts == 1
    assert delivered.price == delivered.cost == Decimal("2.5")
    message = gateway.api("GET", f"/api/messages/{ids[0]}")
    assert delivered.changed_at is not None
    assert delivered.changed_at.strftime("%Y-%m-%d %H:%M:%S") == message["state_time"]
    assert delivered.changed_at.utcoffset() == timedelta(hours=3)


def test_the_time_zone_of_the_connection(gateway: SandboxServer, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = send("79612242243")
    gateway.advance(10)
    (in_moscow,) = MySmppHook().get_states(ids)
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection(timezone="Asia/Omsk"))
    (in_omsk,) = MySmppHook().get_states(ids)
    assert in_moscow.changed_at is not None
    assert in_omsk.changed_at is not None
    assert in_moscow.changed_at - in_omsk.changed_at == timedelta(hours=3)


def test_no_report_yet_and_no_details_unasked(gateway: SandboxServer, send: Send) -> None:
    ids = send("79612242243")
    assert MySmppHook().get_states(ids) == [MessageState(ids[0], "send")]


@pytest.mark.parametrize("phone", PHONE_STATES)
def test_every_end_of_a_message(gateway: SandboxServer, send: Send, client: GatewayClient, phone: str) -> None:
    ids = send(phone)
    gateway.advance(3600)
    (state,) = client.get_states(ids)
    assert state.state == (PHONE_STATES[phone] or ("send",))[-1]


def test_batches(gateway: SandboxServer, send: Send) -> None:
    ids = send(*(f"7961224{number:04}" for number in range(25)))
    assert len(MySmppHook().get_states(ids, batch_size=10)) == 25
    assert asked(gateway) == [10, 10, 5]


def test_strangers_are_asked_alone_once_more(gateway: SandboxServer, send: Send, client: GatewayClient) -> None:
    ids = send("79612242243")
    states = client.get_states(["5", *ids, 10**15, 10**30])
    assert [(state.id_sms, state.state) for state in states] == [
        ("5", None),
        (ids[0], "send"),
        (str(10**15), None),
        (str(10**30), None),
    ]
    assert asked(gateway) == [4, 1, 1, 1]


FAULTS: list[dict[str, Any]] = [
    {"kind": "lost_answer"},
    {"kind": "reset"},
    {"kind": "status", "status": 502},
    {"kind": "too_many", "retry_after": "0"},
    {"kind": "cut_json"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "body", "body": '{"surprise": true}'},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["kind"]))
def test_a_failed_question_is_asked_again(
    gateway: SandboxServer, send: Send, client: GatewayClient, fault: dict[str, Any]
) -> None:
    ids = send("79612242243")
    gateway.add_fault(path=STATES, **fault)
    gateway.add_fault(path=BALANCE, **fault)
    assert client.get_states(ids) == [MessageState(ids[0], "send")]
    assert client.get_balance().currency == "RUR"
    assert len(asked(gateway)) == 2


def test_a_gateway_that_stays_away(gateway: SandboxServer, send: Send, client: GatewayClient) -> None:
    ids = send("79612242243")
    gateway.add_fault("status", path=STATES, status=500, times=9)
    with pytest.raises(UnavailableError) as caught:
        client.get_states(ids)
    assert caught.value.status_code == 500
    assert len(asked(gateway)) == 3
    with pytest.raises(UnavailableError):
        client.get_states(ids, retry=RetryPolicy(attempts=1))
    assert len(asked(gateway)) == 4


def test_a_stopped_question_is_not_asked(gateway: SandboxServer, send: Send, client: GatewayClient) -> None:
    stop = Event()
    stop.set()
    with pytest.raises(StoppedError):
        client.get_states(send("79612242243"), stop=stop)
    assert asked(gateway) == []


def test_wrong_credentials(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", with_password(gateway, "wrong"))
    hook = MySmppHook()
    for question in (hook.get_balance, lambda: hook.get_states([1, 2])):
        with pytest.raises(RefusedError) as caught:
            question()
        assert caught.value.code == "bad_credentials"


def test_the_balance(gateway: SandboxServer) -> None:
    gateway.change(money="19023.90")
    balance = MySmppHook().get_balance()
    assert (balance.money, balance.currency) == (Decimal("19023.9"), "RUR")
    assert [str(allowance) for allowance in balance.allowances] == ["sms Russia: 7609", "viber Russia: 7609"]
    gateway.change(price=0)
    assert all(allowance.unlimited for allowance in MySmppHook().get_balance().allowances)


def with_password(gateway: SandboxServer, password: str, **extra: object) -> str:
    connection = json.loads(gateway.airflow_connection(**extra))
    return json.dumps({**connection, "password": password})
