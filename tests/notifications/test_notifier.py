"""The notifier, against the sandbox: who is texted what, and what is logged where nobody is."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_mysmpp.notifications import mysmpp
from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier, send_mysmpp_notification
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sending.texts import count_parts
from tests.notifications.support import OTHER, PHONE, RUN, failed
from tests.support import AIRFLOW, Written

STOPPED = "79000000101"
"""The sandbox answers it with the error of a phone on the stop list."""

SUMMARY = f"task shop.load failed (ValueError, try 1), run {RUN}"


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the errors that were logged."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def sent(gateway: SandboxServer) -> list[tuple[str, str]]:
    """Return the phone and the text of each message."""
    return [(message["phone"], message["text"]) for message in gateway.messages()]


def test_the_default_text(gateway: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    MySmppNotifier(to=PHONE)(failed("a secret"))

    assert sent(gateway) == [(PHONE, f"Airflow: {SUMMARY}")]
    assert errors(caplog) == []


def test_that_every_field_is_a_template(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER_GATEWAY", gateway.airflow_connection())
    notifier = send_mysmpp_notification(
        to="{{ phone }}",
        text="{{ ti.task_id }}: {{ exception }}",
        sender="{{ 'NIGHT' }}",
        channel="{{ 'viber' }}",
        idempotency_key="{{ run_id }}",
        mysmpp_conn_id="{{ 'other_gateway' }}",
    )

    notifier(failed("{out} of {{memory}}") | {"phone": PHONE})

    [message] = gateway.messages()
    assert (message["phone"], message["text"]) == (PHONE, "load: {out} of {{memory}}")
    assert (message["sender"], message["channel"]) == ("NIGHT", "viber")


def test_that_the_rate_of_the_connection_makes_no_alarm_late(
    gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection(messages_per_second=0.01))

    MySmppNotifier(to=[PHONE, OTHER], text="Help")(failed())

    assert sent(gateway) == [(PHONE, "Help"), (OTHER, "Help")]


def test_that_a_second_firing_is_a_no_op_whatever_the_error_says_then(gateway: SandboxServer) -> None:
    notifier = MySmppNotifier(to=PHONE, text="{{ exception }}")

    for words in ("out of memory", "killed"):
        notifier(failed(words))

    assert sent(gateway) == [(PHONE, "out of memory")]


@pytest.mark.parametrize(
    "other",
    [
        failed(state="up_for_retry"),
        failed(task_id="store"),
        {**failed(), "run_id": "another"},
        {**failed(), "reason": "task_failure"},
    ],
    ids=["kind", "task", "run", "dag"],
)
def test_that_another_event_is_told_too(gateway: SandboxServer, other: dict[str, Any]) -> None:
    notifier = MySmppNotifier(to=PHONE)

    notifier(failed())
    notifier(other)

    assert len(gateway.messages()) == 2


@pytest.mark.parametrize(
    ("key", "messages"), [(mysmpp.DEFAULT_IDEMPOTENCY_KEY, 1), ("{{ event.key }}/{{ ti.try_number }}", 3)]
)
def test_how_often_retries_are_told(gateway: SandboxServer, key: str, messages: int) -> None:
    notifier = MySmppNotifier(to=PHONE, idempotency_key=key)

    for number in (1, 2, 3):
        notifier(failed(state="up_for_retry", try_number=number))

    assert len(gateway.messages()) == messages


def test_that_tasks_may_share_a_notifier_and_other_callbacks_the_context(gateway: SandboxServer) -> None:
    notifier = MySmppNotifier(to=PHONE, text="{{ ti.task_id }}")
    context = failed()
    before = dict(context)

    notifier(context)
    notifier(failed(task_id="store"))

    assert sent(gateway) == [(PHONE, "load"), (PHONE, "store")]
    assert context == before


@pytest.mark.parametrize(
    "to",
    [
        [PHONE, OTHER],
        (79612242243, "8 961 224-22-44"),
        f"{PHONE}, {OTHER}",
        "{{ people }}",
        "{{ people | join(';') }}",
        ["{{ people[0] }}", "{{ people[1] }}"],
    ],
)
@pytest.mark.parametrize("native", [False, True])
def test_every_way_to_name_people(gateway: SandboxServer, to: Any, native: bool) -> None:
    dag = DAG("shop", schedule=None, render_template_as_native_obj=native)

    MySmppNotifier(to=to)(failed(dag=dag) | {"people": [PHONE, OTHER]})

    assert [phone for phone, _ in sent(gateway)] == [PHONE, OTHER]


@pytest.mark.parametrize("bad", ["nobody", "{{ missing }}", "{{ 1 / 0 }}", "+7 961", None, 1.5, {"phone": OTHER}])
def test_that_a_bad_phone_does_not_stop_the_others(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, written: Written, bad: Any
) -> None:
    MySmppNotifier(to=[PHONE, bad, OTHER])(failed())

    assert [phone for phone, _ in sent(gateway)] == [PHONE, OTHER]
    assert len(errors(caplog)) == (0 if bad is None else 1)
    shown = written.text
    assert "messages about" in shown
    assert PHONE not in shown
    assert OTHER not in shown


def test_that_a_phone_that_the_gateway_refuses_does_not_stop_the_others(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    MySmppNotifier(to=[STOPPED, OTHER])(failed())

    assert [phone for phone, _ in sent(gateway)] == [OTHER]
    [words] = errors(caplog)
    assert words == (
        f"The gateway took 1 of 2 messages about '{SUMMARY}', not all:"
        " 1 rejected (stop_list, 7900*****01): Phone number is on the stop list"
    )


@pytest.mark.parametrize("to", ["{{ people }}", ["{{ missing }}"], " , ", f"['{PHONE}"])
def test_that_nobody_to_text_is_an_error(gateway: SandboxServer, caplog: pytest.LogCaptureFixture, to: Any) -> None:
    MySmppNotifier(to=to)(failed() | {"people": []})

    assert gateway.requests() == []
    assert "The notifier texts nobody: 'to'" in errors(caplog)[-1]
    assert PHONE not in caplog.text


@pytest.mark.parametrize("text", ["{{ missing }}", "{{ 1 / 0 }}", "{{ unclosed", "{% for %}", "", "{{ '' }}"])
def test_that_a_text_that_can_not_be_rendered_hides_nothing(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    MySmppNotifier(to=PHONE, text=text)(failed())

    assert sent(gateway) == [(PHONE, f"Airflow: {SUMMARY}")]
    [words] = errors(caplog)
    assert words.startswith("The notifier's 'text' ")


@pytest.mark.parametrize("field", ["sender", "channel", "idempotency_key"])
def test_that_no_other_template_stops_the_text(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    notifier = MySmppNotifier(to=PHONE)
    setattr(notifier, field, "{{ missing }}")

    notifier(failed())
    notifier(failed())

    [message] = gateway.messages()
    assert (message["text"], message["sender"]) == (f"Airflow: {SUMMARY}", "SANDBOX")
    assert len(errors(caplog)) == 2
    assert f"The notifier's '{field}' can't be rendered" in errors(caplog)[0]


@pytest.mark.parametrize(("words", "end"), [("error ", "..."), ("ошибка ", "…")])
def test_that_a_long_text_is_cut(gateway: SandboxServer, words: str, end: str) -> None:
    MySmppNotifier(to=PHONE, text="{{ exception }}", max_parts=3)(failed(words * 200))

    [(_, text)] = sent(gateway)
    assert count_parts(text) == 3
    assert text.endswith(words.strip() + end)


def test_that_half_a_surrogate_pair_does_not_stop_the_text(gateway: SandboxServer) -> None:
    MySmppNotifier(to=PHONE, text="{{ exception }}")(failed("no file \udce9t\udce9"))

    assert sent(gateway) == [(PHONE, "no file ?t?")]


@pytest.mark.parametrize("extra", [{"sender": None}, {"timezone": "Nowhere"}])
def test_that_a_connection_that_can_not_be_used_is_one_error(
    gateway: SandboxServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    extra: dict[str, Any],
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection(**extra))

    MySmppNotifier(to=PHONE)(failed())

    assert gateway.requests() == []
    assert len(errors(caplog)) == 1


@pytest.mark.parametrize("conn_id", ["{{ missing }}", ""])
def test_that_a_connection_without_a_name_is_an_error(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, conn_id: str
) -> None:
    MySmppNotifier(to=PHONE, mysmpp_conn_id=conn_id)(failed())

    assert gateway.requests() == []
    assert errors(caplog)[-1] == "The notifier texts nobody: 'mysmpp_conn_id' names no connection"


def test_that_a_missing_connection_is_one_error(caplog: pytest.LogCaptureFixture, airflow_database: None) -> None:
    MySmppNotifier(to=PHONE, mysmpp_conn_id="there_is_none")(failed())

    [words] = errors(caplog)
    assert words.startswith("The notifier texts nobody: ")
    assert "there_is_none" in words
    assert "Traceback" not in caplog.text


def test_that_what_nobody_thought_of_is_an_error_with_its_traceback(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysmpp, "read_event", lambda context: context["nothing of this name"])

    MySmppNotifier(to=PHONE)(failed())

    assert errors(caplog) == ["The notifier texts nobody"]
    assert "Traceback" in caplog.text


def test_that_a_gateway_that_refuses_connections_is_one_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, gateway: SandboxServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    connection = json.loads(gateway.airflow_connection()) | {"port": port}
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", json.dumps(connection))

    MySmppNotifier(to=[PHONE, OTHER])(failed())

    [words] = errors(caplog)
    assert words.startswith(f"The gateway took 0 of 2 messages about '{SUMMARY}', not all: 2 unsent (no_answer, 7961*")
    assert "Traceback" not in caplog.text
    assert PHONE not in caplog.text


def test_that_a_gateway_that_is_down_is_asked_twice(gateway: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    gateway.add_fault("status", status=503, times=50)

    MySmppNotifier(to=PHONE)(failed())

    assert len(gateway.requests()) == 2
    assert len(errors(caplog)) == 1


def test_that_a_lost_answer_texts_nobody_twice(gateway: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    gateway.add_fault("lost_answer")

    MySmppNotifier(to=PHONE)(failed())

    assert len(gateway.requests()) == 2
    assert len(gateway.messages()) == 1
    assert errors(caplog) == []


def test_that_a_gateway_that_never_answers_is_given_up(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysmpp, "_TIME_LIMIT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = json.loads(gateway.airflow_connection()) | {"port": silent.getsockname()[1]}
        monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", json.dumps(connection))

        MySmppNotifier(to=PHONE)(failed())

    [words] = errors(caplog)
    assert "1 unknown (stopped, 7961*****43): the send stopped before an answer: no answer within" in words


def test_that_a_gateway_that_asks_for_patience_gets_none(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # real pauses
    monkeypatch.setattr(mysmpp, "_TIME_LIMIT", 0.2)
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection())
    gateway.add_fault("too_many", retry_after="200")

    MySmppNotifier(to=PHONE)(failed())

    assert len(gateway.requests()) == 1
    assert len(errors(caplog)) == 1


def test_that_all_of_it_ends_well_before_airflow_kills_the_processing_of_a_dag_file() -> None:
    from airflow.configuration import conf

    section = "dag_processor" if conf.has_option("dag_processor", "dag_file_processor_timeout") else "core"

    assert conf.getint(section, "dag_file_processor_timeout") > 2 * mysmpp._TIME_LIMIT


def test_that_the_event_loop_goes_on(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    loop_went_on = threading.Event()
    send = MySmppNotifier._send

    def wait_for_the_loop(self: MySmppNotifier, *args: Any) -> None:
        assert loop_went_on.wait(30)
        send(self, *args)

    monkeypatch.setattr(MySmppNotifier, "_send", wait_for_the_loop)

    async def notify() -> None:
        texting = asyncio.create_task(MySmppNotifier(to=PHONE).async_notify(failed()))
        await asyncio.sleep(0)
        loop_went_on.set()
        await texting

    asyncio.run(notify())

    assert sent(gateway) == [(PHONE, f"Airflow: {SUMMARY}")]


@pytest.mark.skipif(AIRFLOW < (3, 1), reason="deadlines came with Airflow 3.1")
def test_a_deadline_as_the_triggerer_awaits_it(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_ONCALL", f"{PHONE}, {OTHER}")
    context = {
        "dag_run": {"dag_id": "shop", "dag_run_id": RUN},
        "deadline": {"id": "0197", "deadline_time": "2026-01-01T06:30:00Z"},
    }

    async def miss() -> None:
        await MySmppNotifier(to="{{ var.value.oncall }}", context=context)

    asyncio.run(miss())
    asyncio.run(miss())

    text = f"Airflow: DAG shop missed its deadline (2026-01-01 06:30 UTC), run {RUN}"
    assert sent(gateway) == [(PHONE, text), (OTHER, text)]


def test_an_sla_as_airflow_2_calls_it(gateway: SandboxServer) -> None:
    MySmppNotifier(to=PHONE)(DAG("shop", schedule=None), "load on 2026-01-01", "", [], [])

    assert sent(gateway) == [(PHONE, "Airflow: DAG shop missed an SLA, run load on 2026-01-01")]


@pytest.mark.parametrize(
    ("parameters", "words"), [({"to": ""}, "to is empty"), ({"to": []}, "to is empty"), ({"max_parts": 0}, "max_parts")]
)
def test_that_wrong_parameters_are_refused_when_the_dag_is_read(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MySmppNotifier(**{"to": PHONE, **parameters})
