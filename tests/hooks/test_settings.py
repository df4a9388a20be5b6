"""What a connection says is read from every form of it, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook, Connection

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.hooks.settings import Settings, read_connection


def connection(extra: dict[str, Any] | None = None, **fields: Any) -> Connection:
    given = {"login": "anna", "password": "s3cret-word", **fields}
    return Connection(conn_id="texts", conn_type="mysmpp", extra=json.dumps(extra or {}), **given)


def read(extra: dict[str, Any] | None = None, **fields: Any) -> Settings:
    return read_connection(connection(extra, **fields))


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "http://lk.mysmpp.ru"),
        ({"schema": "https"}, "https://lk.mysmpp.ru"),
        ({"schema": "", "host": ""}, "http://lk.mysmpp.ru"),
        ({"host": "gate.example"}, "http://gate.example"),
        ({"host": "gate.example", "port": 8080}, "http://gate.example:8080"),
        ({"host": "gate.example", "port": 0}, "http://gate.example"),
        ({"host": "https://gate.example"}, "https://gate.example"),
        ({"host": "HTTPS://Gate.Example/"}, "https://gate.example"),
        ({"host": "https://gate.example:8443"}, "https://gate.example:8443"),
        ({"host": "https://gate.example:8443", "port": 9}, "https://gate.example:9"),
        ({"host": "https://gate.example", "schema": "http"}, "https://gate.example"),
        ({"host": "http://lk.mysmpp.ru/json"}, "http://lk.mysmpp.ru"),
        ({"host": "gate.example/sms"}, "http://gate.example/sms"),
        ({"host": "127.0.0.1", "port": 8025}, "http://127.0.0.1:8025"),
        ({"host": "::1", "port": 8025}, "http://[::1]:8025"),
        ({"host": "[::1]"}, "http://[::1]"),
        ({"host": " gate.example "}, "http://gate.example"),
        ({"host": "шлюз.рф."}, "http://шлюз.рф."),
        ({"host": f"{'g' * 63}.example", "port": 65_535}, f"http://{'g' * 63}.example:65535"),
    ],
)
def test_the_address_comes_from_schema_host_and_port(fields: dict[str, Any], url: str) -> None:
    assert read(**fields).base_url == url


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schema": "ftp"}, "schema 'ftp'"),
        ({"host": "smpp://gate.example"}, "schema 'smpp'"),
        ({"host": "http://"}, "no address"),
        ({"host": "gate.example:port"}, "no address"),
        ({"host": "anna:pw@gate.example"}, "no address"),
        ({"host": "gate.example?token=1"}, "no address"),
        ({"host": "http://[::1"}, "no address"),
        ({"host": "gate way.example"}, "no address"),
        ({"host": "gate..example"}, "no address"),
        ({"host": f"{'g' * 64}.example"}, "no address"),
        ({"host": "gate.example:70000"}, "no address"),
        ({"port": 70_000}, "the port 70000; give one from 1 to 65535"),
        ({"port": -1}, "the port -1"),
    ],
)
def test_an_address_that_is_none_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        read(**fields)
    assert "'texts'" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"login": None, "password": None}, "no login and password"),
        ({"password": ""}, "no password"),
        ({"login": ""}, "no login"),
    ],
)
def test_without_credentials_the_fields_are_named(fields: dict[str, Any], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing) as caught:
        read(**fields)
    assert "'texts'" in str(caught.value)
    assert "'token'" in str(caught.value)


def test_a_token_stands_for_login_and_password() -> None:
    settings = read({"token": "t0ken-word"}, login=None, password=None)
    assert (settings.token, settings.login, settings.password) == ("t0ken-word", None, None)


def test_a_form_that_was_saved_empty_says_nothing() -> None:
    nulls = dict.fromkeys(["token", "sender", "timeout", "timezone", "verify", "messages_per_second"])
    assert read(nulls) == read()
    assert read(dict.fromkeys(nulls, "")) == read()


def test_what_is_not_said_has_its_default() -> None:
    settings = read()
    assert (settings.sender, settings.timeout, settings.verify) == (None, 60.0, True)
    assert settings.messages_per_second is None
    assert str(settings.timezone) == "Europe/Moscow"


@pytest.mark.parametrize("number", [30, 30.0, "30", " 30 "])
@pytest.mark.parametrize("name", ["timeout", "messages_per_second"])
def test_numbers_may_come_as_text(name: str, number: Any) -> None:
    assert getattr(read({name: number}), name) == 30.0


@pytest.mark.parametrize("number", [0, -1, "soon", "nan", "inf", [1]])
@pytest.mark.parametrize("name", ["timeout", "messages_per_second"])
def test_a_number_that_is_none_is_refused(name: str, number: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"'{name}'"):
        read({name: number})


@pytest.mark.parametrize(
    ("given", "verify"),
    [(True, True), (False, False), ("false", False), ("True", True), ("0", False), ("/etc/ca.pem", "/etc/ca.pem")],
)
def test_verify_is_a_truth_or_a_path(given: Any, verify: bool | str) -> None:
    assert read({"verify": given}).verify == verify


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="'timezone'"):
        read({"timezone": zone})


@pytest.mark.parametrize(
    ("host", "exposes"),
    [
        ("http://lk.mysmpp.ru", True),
        ("https://lk.mysmpp.ru", False),
        ("http://127.0.0.1", False),
        ("http://127.9.9.9", False),
        ("http://localhost", False),
        ("http://sandbox.localhost", False),
        ("http://[::1]", False),
        ("http://10.0.0.1", True),
        ("http://localhost.example", True),
    ],
)
def test_credentials_over_plain_http_are_told(host: str, exposes: bool) -> None:
    assert read(host=host).exposes_credentials is exposes


def test_no_secret_shows() -> None:
    shown = repr(read({"token": "t0ken-word", "sender": "SHOP"}))
    assert "SHOP" in shown
    for secret in ("anna", "s3cret-word", "t0ken-word"):
        assert secret not in shown


def test_a_uri_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "mysmpp://anna:s3cret-word@127.0.0.1:8025/http?sender=SHOP&timeout=5&verify=false&messages_per_second=10"
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", uri)
    settings = read_connection(BaseHook.get_connection("texts"))
    assert settings.base_url == "http://127.0.0.1:8025"
    assert (settings.login, settings.password, settings.sender) == ("anna", "s3cret-word", "SHOP")
    assert (settings.timeout, settings.verify, settings.messages_per_second) == (5.0, False, 10.0)
