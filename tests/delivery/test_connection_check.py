"""The Test button: what it says, what it never says, and that it sends nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.balance import Balance
from airflow_provider_mysmpp.gateway.client import GatewayClient
from airflow_provider_mysmpp.gateway.errors import RefusedError
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .test_wire import BALANCE, with_password

CANARY = "kanarienvogel-7"
CONNECTION = {"conn_type": "mysmpp", "login": "me", "password": CANARY}


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Define the connection."""

    def connect(connection: str | dict[str, Any]) -> MySmppHook:
        text = connection if isinstance(connection, str) else json.dumps(connection)
        monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", text)
        return MySmppHook()

    return connect


def test_a_good_connection(gateway: SandboxServer, connect: Any) -> None:
    gateway.change(money="100")
    assert connect(gateway.airflow_connection()).test_connection() == (
        True,
        "The gateway answers. The balance is 100 RUR (sms Russia: 40; viber Russia: 40).",
    )
    assert gateway.requests() == []
    assert gateway.messages() == []
    assert gateway.summary()["money"] == "100"
    assert len(gateway.requests(path=BALANCE)) == 1


def test_wrong_credentials(gateway: SandboxServer, connect: Any) -> None:
    good, words = connect(with_password(gateway, CANARY)).test_connection()
    assert (good, words) == (False, "The gateway refused: Incorrect login or password.")


def test_nobody_there(connect: Any) -> None:
    good, words = connect({**CONNECTION, "host": "127.0.0.1", "port": 9}).test_connection()
    assert not good
    assert "http://127.0.0.1:9" in words
    assert "No answer from the gateway" in words


def test_a_gateway_in_trouble_is_asked_once(gateway: SandboxServer, connect: Any) -> None:
    gateway.add_fault("status", path=BALANCE, status=500, times=9)
    good, words = connect(gateway.airflow_connection()).test_connection()
    assert not good
    assert "HTTP 500" in words
    assert len(gateway.requests(path=BALANCE)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"login": None}, "has no login"),
        ({"password": ""}, "has no password"),
        ({"schema": "ftp"}, "has the schema 'ftp'"),
        ({"extra": {"timezone": "Mars"}}, "'timezone'"),
        ({"extra": {"timeout": "soon"}}, "'timeout'"),
    ],
)
def test_a_connection_that_can_not_be_used(connect: Any, change: dict[str, Any], words: str) -> None:
    good, said = connect({**CONNECTION, "host": "127.0.0.1", "port": 9, **change}).test_connection()
    assert not good
    assert words in said
    assert CANARY not in said


def test_no_connection_at_all(monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_MYSMPP_DEFAULT", raising=False)
    good, words = MySmppHook("mysmpp_nowhere").test_connection()
    assert not good
    assert "could not be read" in words


def answer(monkeypatch: pytest.MonkeyPatch, said: Balance | Exception) -> None:
    def get_balance(self: GatewayClient, **_: Any) -> Balance:
        if isinstance(said, Exception):
            raise said
        return said

    monkeypatch.setattr(GatewayClient, "get_balance", get_balance)


PLAIN = "The credentials go unencrypted over plain http to http://lk.mysmpp.ru."


def test_plain_http_is_named_whatever_the_answer(monkeypatch: pytest.MonkeyPatch, connect: Any) -> None:
    answer(monkeypatch, Balance(None, None))
    good, words = connect(CONNECTION).test_connection()
    assert good
    assert PLAIN in words
    assert "https" in words
    answer(monkeypatch, RefusedError("Account blocked"))
    good, words = connect(CONNECTION).test_connection()
    assert not good
    assert PLAIN in words


def test_https_and_this_machine_are_safe(monkeypatch: pytest.MonkeyPatch, connect: Any) -> None:
    answer(monkeypatch, Balance(None, None))
    for change in ({"schema": "https"}, {"host": "localhost"}):
        assert "plain http" not in connect({**CONNECTION, **change}).test_connection()[1]


@pytest.mark.parametrize("secret", [{}, {"password": None, "login": None, "extra": {"token": CANARY}}])
def test_a_gateway_that_repeats_the_secret(monkeypatch: pytest.MonkeyPatch, connect: Any, secret: Any) -> None:
    answer(monkeypatch, RefusedError(f"No account with {CANARY}"))
    good, words = connect({**CONNECTION, **secret}).test_connection()
    assert not good
    assert "No account with ***" in words


def test_whatever_happens_becomes_words(monkeypatch: pytest.MonkeyPatch, connect: Any) -> None:
    answer(monkeypatch, ZeroDivisionError(CANARY))
    good, words = connect(CONNECTION).test_connection()
    assert not good
    assert "ZeroDivisionError" in words
    assert CANARY not in words
