"""The hook sends through a connection, tells a retry from a new send, and says what Airflow should do."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.hooks import mysmpp
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor
from airflow_provider_mysmpp.triggers.mysmpp import MySmppDeliveryTrigger


@pytest.fixture
def hook(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, short_pauses: None) -> MySmppHook:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    for name in ("DAG_ID", "TASK_ID", "DAG_RUN_ID"):  # dag.test() of another test leaves them
        monkeypatch.delenv(f"AIRFLOW_CTX_{name}", raising=False)
    return MySmppHook()


@pytest.fixture
def within_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the code believe that it runs in a task, always the same."""

    class TaskInstance:
        dag_id, task_id, run_id = "reminders", "remind", "manual__1"

    monkeypatch.setattr(
        "airflow.providers.common.compat.sdk.get_current_context", lambda: {"ti": TaskInstance()}, raising=False
    )


def test_send_returns_one_result_a_recipient_in_order(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    results = hook.send(
        [
            {"phone": "8 961 224-22-43", "text": "one", "key": 7},
            {"phone": "none", "text": "two"},
            {"phone": "79000000101", "text": "three"},
            {"phone": "79612242244", "text": "four", "channel": "viber", "sender": "OTHER"},
            {"phone": "79612242245"},
        ]
    )
    assert [(result.row, result.status, result.code) for result in results] == [
        (1, "accepted", None),
        (2, "invalid", "phone"),
        (3, "rejected", "stop_list"),
        (4, "accepted", None),
        (5, "invalid", "text"),
    ]
    sent = [(message["phone"], message["channel"], message["sender"]) for message in mysmpp_sandbox.messages()]
    assert sent == [("79612242243", "sms", "SANDBOX"), ("79612242244", "viber", "OTHER")]
    assert results[0].mapping() == {
        "phone": "79612242243",
        "key": "7",
        "client_id_sms": results[0].client_id_sms,
        "id_sms": str(mysmpp_sandbox.messages()[0]["id_sms"]),
    }


def test_send_takes_messages_that_are_ready(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    ready = Message("79612242243", "ready", "SHOP", "viber", "101", "2100-12-31 15:34:54")
    [result] = hook.send([ready])
    assert (result.status, result.client_id_sms) == ("accepted", "101")
    [sent] = mysmpp_sandbox.messages()
    assert (sent["channel"], sent["sender"], sent["client_id_sms"]) == ("viber", "SHOP", "101")
    assert sent["validity"] == "2100-12-31 15:34:54"


def test_a_channel_that_the_gateway_does_not_know_is_refused(hook: MySmppHook) -> None:
    [result] = hook.send([{"phone": "79612242243", "text": "x", "channel": "flash"}])
    assert (result.status, result.code) == ("invalid", "channel")


def test_no_messages_are_no_results(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    assert hook.send([]) == []
    assert mysmpp_sandbox.requests() == []


def test_send_message_returns_the_entry_of_the_mapping(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    entry = hook.send_message("+7 961 224-22-43", "Привет, {name}", sender="SHOP", channel="viber")
    [sent] = mysmpp_sandbox.messages()
    assert entry == {
        "phone": "79612242243",
        "key": None,
        "client_id_sms": sent["client_id_sms"],
        "id_sms": str(sent["id_sms"]),
    }
    assert (sent["text"], sent["sender"], sent["channel"]) == ("Привет, {name}", "SHOP", "viber")
    json.dumps(entry)


def test_a_task_that_is_tried_again_sends_once(
    hook: MySmppHook, mysmpp_sandbox: SandboxServer, within_a_task: None
) -> None:
    first, second = (hook.send_message("79612242243", "Hello") for _ in range(2))
    assert first == second
    assert len(mysmpp_sandbox.messages()) == 1


def test_another_text_of_the_same_task_is_another_message(
    hook: MySmppHook, mysmpp_sandbox: SandboxServer, within_a_task: None
) -> None:
    hook.send_message("79612242243", "Hello")
    hook.send_message("79612242243", "Goodbye")
    assert len(mysmpp_sandbox.messages()) == 2


def test_lists_of_the_same_task_are_told_apart_by_their_words_or_keys(
    hook: MySmppHook, mysmpp_sandbox: SandboxServer, within_a_task: None
) -> None:
    bill, reminder = ({"phone": "79612242243", "text": text} for text in ("The bill", "The reminder"))
    first, second = hook.send([bill, reminder]), hook.send([reminder, bill, bill])
    assert [result.status for result in second] == ["accepted", "accepted", "duplicate"]
    assert [result.id_sms for result in first] == [result.id_sms for result in second[1::-1]]
    keyed = [hook.send([{**row, "key": "A-1"}]) for row in (bill, reminder)]
    assert keyed[0] == keyed[1]
    assert [message["text"] for message in mysmpp_sandbox.messages()] == ["The bill", "The reminder", "The bill"]


def test_a_program_that_a_task_starts_knows_its_task(
    hook: MySmppHook, mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DAG_ID", "reminders"), ("TASK_ID", "remind"), ("DAG_RUN_ID", "manual__1")):
        monkeypatch.setenv(f"AIRFLOW_CTX_{name}", value)
    first, second = (hook.send_message("79612242243", "Hello") for _ in range(2))
    assert first == second
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__2")
    assert hook.send_message("79612242243", "Hello") != first
    monkeypatch.delenv("AIRFLOW_CTX_TASK_ID")
    assert hook.send_message("79612242243", "Hello") != hook.send_message("79612242243", "Hello")


def test_outside_of_a_task_every_call_is_a_new_message(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    hook.send_message("79612242243", "Hello")
    hook.send_message("79612242243", "Hello")
    assert len(mysmpp_sandbox.messages()) == 2


def test_a_given_identity_is_used_as_it_is(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    entries = [hook.send_message("79612242243", f"try {number}", client_id_sms=101) for number in range(2)]
    assert entries[0] == entries[1]
    assert [message["client_id_sms"] for message in mysmpp_sandbox.messages()] == ["101"]


def test_an_idempotency_key_makes_a_second_send_a_repetition(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    rows = [{"phone": f"7961224{number:04}", "text": "Hello"} for number in range(5)]
    first = hook.send(rows, idempotency_key="monday", batch_size=2, max_in_flight=2)
    second = hook.send(rows, idempotency_key="monday")
    assert first == second
    assert len(mysmpp_sandbox.messages()) == 5
    hook.send(rows, idempotency_key="tuesday")
    assert len(mysmpp_sandbox.messages()) == 10


@pytest.mark.parametrize(
    ("phone", "words"), [("none", "invalid"), ("79000000101", "stop list"), (79000000101, "7900\\*\\*\\*\\*\\*01")]
)
def test_what_a_retry_only_repeats_fails_for_good(hook: MySmppHook, phone: Any, words: str) -> None:
    with pytest.raises(AirflowFailException, match=words):
        hook.send_message(phone, "Hello")


def test_what_a_retry_may_help_may_be_retried(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("status", status=503, times=5)
    with pytest.raises(AirflowException, match="HTTP 503") as caught:
        hook.send_message("79612242243", "Hello")
    assert not isinstance(caught.value, AirflowFailException)


def test_an_account_without_money_may_be_retried(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("error", code="out_of_sms")
    with pytest.raises(AirflowException, match="Out of SMS") as caught:
        hook.send_message("79612242243", "Hello")
    assert not isinstance(caught.value, AirflowFailException)


def test_wrong_credentials_fail_for_good(hook: MySmppHook, mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.add_fault("error", code="bad_credentials")
    with pytest.raises(AirflowFailException, match="Incorrect login or password"):
        hook.send_message("79612242243", "Hello")


def test_without_credentials_nothing_is_asked(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    given = json.loads(mysmpp_sandbox.airflow_connection())
    given.pop("password")
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", json.dumps(given))
    with pytest.raises(ConfigurationError, match=r"'texts' has no password"):
        MySmppHook("texts").send_message("79612242243", "Hello")
    assert mysmpp_sandbox.requests() == []


def plain_http(monkeypatch: pytest.MonkeyPatch, host: str) -> MySmppHook:
    connection = {"conn_type": "mysmpp", "host": host, "login": "anna", "password": "s3cret-word"}
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", json.dumps(connection))
    return MySmppHook("texts")


def test_credentials_over_plain_http_are_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hook = plain_http(monkeypatch, "http://gate.example")
    seen: list[str] = []
    monkeypatch.setattr(hook.log, "warning", lambda words, *values: seen.append(words % values))
    with caplog.at_level(logging.WARNING):
        assert hook.get_conn() is hook.get_conn()
    [warning] = seen
    assert "'texts'" in warning
    assert "http://gate.example" in warning
    assert "schema to https" in warning
    assert "s3cret-word" not in warning


def test_a_task_with_many_hooks_is_warned_once_and_another_task_too(
    monkeypatch: pytest.MonkeyPatch, within_a_task: None
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(mysmpp, "_warned", set())

    def connect(*, warns: bool = True) -> None:
        hook = plain_http(monkeypatch, "http://gate.example")
        hook.warns = warns
        monkeypatch.setattr(hook.log, "warning", lambda words, *values: seen.append(words % values))
        hook.get_conn()

    connect(warns=False)
    assert seen == []
    connect()
    connect()
    assert len(seen) == 1
    other = SimpleNamespace(dag_id="reminders", task_id="another", run_id="manual__1")
    monkeypatch.setattr("airflow.providers.common.compat.sdk.get_current_context", lambda: {"ti": other}, raising=False)
    connect()
    assert len(seen) == 2


def test_whoever_sends_for_a_task_warns_and_whoever_goes_on_for_it_does_not(
    mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(MySmppHook, "warn_if_exposed", lambda hook: asked.append(hook.warns))
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    MySmppNotifier(to="79612242243", text="x").notify({})
    sensor = MySmppDeliverySensor(task_id="wait", messages=[], deferrable=True)
    assert sensor.execute.__wrapped__(sensor, {"ti": mock.Mock()}) == []  # type: ignore[attr-defined]
    assert asked == [True, True]
    waiting = MySmppDeliverySensor(task_id="wait", messages=[])
    waiting.execute_complete({"ti": mock.Mock()}, {"deadline": 0})
    MySmppDeliveryTrigger(mysmpp_conn_id="mysmpp_default", ids=[], deadline=0)._prepare()
    assert asked[2:] == [False, False]


@pytest.mark.parametrize("host", ["https://gate.example", "http://127.0.0.1", "http://localhost"])
def test_what_is_not_exposed_is_not_warned_of(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    hook = plain_http(monkeypatch, host)
    monkeypatch.setattr(hook.log, "warning", lambda *_: pytest.fail("a warning"))
    hook.get_conn()


def test_secrets_are_masked_in_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr("airflow.providers.common.compat.sdk.mask_secret", masked.append, raising=False)
    connection = {"conn_type": "mysmpp", "extra": {"token": "t0ken-word"}, "login": "anna", "password": "s3cret-word"}
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", json.dumps(connection))
    assert MySmppHook("texts").settings.token == "t0ken-word"
    assert {"t0ken-word", "s3cret-word"} <= set(masked)


def test_the_rate_of_the_connection_limits_a_request(
    mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", mysmpp_sandbox.airflow_connection(messages_per_second=40))
    rows = [{"phone": f"7961224{number:04}", "text": "Hello"} for number in range(60)]
    MySmppHook("texts").send(rows, idempotency_key="monday")
    assert sorted(request["phones"] for request in mysmpp_sandbox.requests()) == [20, 40]


def test_the_module_needs_nothing_of_the_gateway_to_be_imported() -> None:
    assert not hasattr(mysmpp, "GatewayClient")
