"""Runs in a real Airflow: recipients of every kind, clear, other shards, and what is retried and what is not."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AirflowStack, Run

from .attempts import PHONES
from .ledger import Entry, assert_once, kept, mapped
from .real_runs import install

pytestmark = [pytest.mark.system, pytest.mark.service]

KINDS: Final = """
    @task(show_return_value_in_logs=False)
    def some():
        return [{"phone": phone} for phone in GIVEN["rows"][0:2]]

    @task(show_return_value_in_logs=False)
    def one(number):
        return GIVEN["rows"][number]

    @task(show_return_value_in_logs=False)
    def shards():
        return [GIVEN["rows"][4:6], GIVEN["rows"][6:8]]

    same = {"text": "Готово", "idempotency_key": "{{ run_id }}"}
    MySmppSendOperator(task_id="xcom", recipients=some(), **same)
    MySmppSendOperator(task_id="lazy", recipients=one.expand(number=[2, 3]), **same)
    MySmppSendOperator.partial(task_id="mapped", **same).expand(recipients=shards())
    MySmppSendOperator(task_id="literal", recipients=GIVEN["rows"][8:10], **same)
    MySmppSendOperator(task_id="generator", recipients=(phone for phone in GIVEN["rows"][10:12]), **same)
    MySmppSendOperator(task_id="integers", recipients=[int(phone) for phone in GIVEN["rows"][12:14]], **same)
"""
SENDERS: Final = ("xcom", "lazy", "mapped", "literal", "generator", "integers")


def entries(stack: AirflowStack, run: Run, *task_ids: str) -> list[Entry]:
    """Return the mappings of tasks, mapped ones too, one after another."""
    found: list[Entry] = []
    for task in stack.tasks(run):
        if task.task_id in task_ids:
            found += mapped(stack.xcom(run, task.task_id, map_index=task.map_index))
    return found


def test_recipients_of_every_kind_and_a_clear(airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer) -> None:
    phones = PHONES[:14]
    install(airflow_stack, "kinds", KINDS, rows=phones, mysmpp_default=mysmpp_sandbox.airflow_connection())
    run = airflow_stack.trigger("kinds")
    assert airflow_stack.wait_for_run(run) == "success"
    ledger = kept(mysmpp_sandbox)
    assert_once(ledger)
    assert sorted(entry.phone for entry in ledger) == phones
    assert sorted(entries(airflow_stack, run, *SENDERS)) == sorted(ledger)
    assert_no_phone_is_shown(airflow_stack, run, phones)

    airflow_stack.clear(run, *SENDERS)
    assert airflow_stack.wait_for_run(run) == "success"
    assert kept(mysmpp_sandbox) == ledger
    assert sorted(entries(airflow_stack, run, *SENDERS)) == sorted(ledger)
    assert mysmpp_sandbox.summary()["repeats"] == len(phones)


def assert_no_phone_is_shown(stack: AirflowStack, run: Run, phones: list[str]) -> None:
    """Neither rendered fields nor the stored DAG nor the logs hold a phone."""
    query = "SELECT task_id, rendered_fields FROM rendered_task_instance_fields WHERE dag_id = :dag_id"
    rendered = dict(stack.sql(query, dag_id=run.dag_id))
    assert rendered.keys() >= set(SENDERS)
    shown = json.dumps([rendered[task_id] for task_id in SENDERS], default=str)
    assert shown.count("not shown") == len(SENDERS)
    stored = str(stack.sql("SELECT data FROM serialized_dag WHERE dag_id = :dag_id", dag_id=run.dag_id))
    assert "MySmppSendOperator" in stored
    logs = stack.task_logs(run)
    assert "recipients: 2 accepted" in logs
    for text in (shown, stored, logs):
        assert not [phone for phone in phones if phone in text]


RESHARDED: Final = """
    @task(show_return_value_in_logs=False)
    def shards():
        rows = list(GIVEN["rows"])
        count = int(pathlib.Path({counter!r}).read_text())
        if count > 3:
            rows.reverse()
        return [rows[number::count] for number in range(count)]

    MySmppSendOperator.partial(
        task_id="send", text="Готово", batch_size=5, max_in_flight=1,
        results_path="{folder}/{{{{ ti.map_index }}}}.csv",
    ).expand(recipients=shards())
"""


def test_other_shards_on_another_try(airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer) -> None:
    counter = airflow_stack.home / "shards"
    counter.write_text("3")
    folder = airflow_stack.home / "sharded"
    tasks = RESHARDED.format(counter=str(counter), folder=str(folder))
    mysmpp_sandbox.add_fault("error", code="bad_credentials", after=4, times=None)
    install(airflow_stack, "resharded", tasks, rows=PHONES[:60], mysmpp_default=mysmpp_sandbox.airflow_connection())
    run = airflow_stack.trigger("resharded")
    assert airflow_stack.wait_for_run(run) == "failed"
    first = kept(mysmpp_sandbox)
    assert len(first) == 20

    mysmpp_sandbox.api("DELETE", "/api/faults")
    counter.write_text("5")
    airflow_stack.clear(run, "shards", "send")
    assert airflow_stack.wait_for_run(run) == "success"
    ledger = kept(mysmpp_sandbox)
    assert set(first) <= set(ledger)
    assert sorted(entry.phone for entry in ledger) == PHONES[:60]
    assert_once(ledger)
    lines = [line.split(",") for file in folder.iterdir() for line in file.read_text().splitlines()[1:]]
    assert len([task for task in airflow_stack.tasks(run) if task.task_id == "send"]) == 5
    assert sorted(Entry(line[1], line[3], line[4]) for line in lines) == sorted(ledger)


RETRIED: Final = """
    more = {"recipients": GIVEN["rows"], "text": "Готово", "retries": 2, "retry_delay": timedelta(0)}
    MySmppSendOperator(task_id="wrong_password", mysmpp_conn_id="wrong", **more)
    MySmppSendOperator(task_id="no_money", **more)
    MySmppSendOperator(task_id="bad_row", **{**more, "recipients": ["12"]})
    MySmppSendOperator(task_id="none", **{**more, "recipients": "{{ none }}"})
"""


def test_what_is_retried_and_what_is_not(airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer) -> None:
    connection = mysmpp_sandbox.airflow_connection()
    wrong = json.dumps({**json.loads(connection), "password": "canary-of-a-wrong-password"})
    mysmpp_sandbox.change(money=0)
    install(airflow_stack, "retried", RETRIED, rows=PHONES[:2], mysmpp_default=connection, wrong=wrong)
    run = airflow_stack.trigger("retried")
    assert airflow_stack.wait_for_run(run) == "failed"
    tries = {task.task_id: task.try_number for task in airflow_stack.tasks(run)}
    assert tries == {"wrong_password": 1, "no_money": 3, "bad_row": 1, "none": 1}
    assert {task.state for task in airflow_stack.tasks(run)} == {"failed"}
    assert not mysmpp_sandbox.messages()
    refused: dict[str, Any] = airflow_stack.xcom(run, "wrong_password", "summary")
    assert (refused["rejected"], refused["requests"]) == (2, 1)
    assert [one["code"] for one in airflow_stack.xcom(run, "no_money", "failed")] == ["out_of_sms"] * 2

    mysmpp_sandbox.change(money=100)
    airflow_stack.clear(run, "no_money")
    assert airflow_stack.wait_for_task(run, "no_money", "success").try_number == 4
    assert len(mysmpp_sandbox.messages()) == 2
