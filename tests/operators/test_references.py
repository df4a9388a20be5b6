"""What Airflow resolves before a task runs, wherever in a field it stands: outputs of tasks, parameters of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor

DAGS = Path(__file__).parent / "dags"
PHONE = "79612242243"


@pytest.fixture
def gateway(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    mysmpp_sandbox.change(delivery_seconds=0.2)
    return mysmpp_sandbox


def test_references_are_awaited_and_resolved(gateway: SandboxServer, run_dag_file: Callable[[Path], Any]) -> None:
    run = run_dag_file(DAGS / "references.py")
    assert run.state == "success"
    assert {(message["phone"], message["text"]) for message in gateway.messages()} == {
        (PHONE, "Code 1234"),
        ("79612242244", "Code 5678"),
        ("79612242245", "Night shift"),
    }
    [both] = [ti for ti in run.get_task_instances() if ti.task_id == "both"]
    assert both.xcom_pull(task_ids="both", key="summary")["delivered"] == 3


def output_of(task_id: str) -> Any:
    @task(task_id=task_id)
    def before() -> list[Any]:
        return []

    return before()


def test_references_within_a_list_make_dependencies() -> None:
    with DAG("shop", schedule=None):
        send = MySmppSendOperator(task_id="send", recipients=[PHONE, {"phone": output_of("a")}], text="x")
        wait = MySmppDeliverySensor(task_id="wait", messages=[send.output, output_of("b")])
    assert send.upstream_task_ids == {"a"}
    assert wait.upstream_task_ids == {"send", "b"}


def test_a_list_without_references_is_hidden_at_once() -> None:
    with DAG("shop", schedule=None):
        send = MySmppSendOperator(task_id="send", recipients=[{"phone": PHONE, "name": ["Anna"]}], text="x")
    assert str(send.recipients) == "<1 recipients, not shown>"


def identity_of(text: Any, rendered: str) -> str:
    """Return the identity of a message whose text was rendered to something."""
    with DAG("shop", schedule=None):
        send = MySmppSendOperator(
            task_id="send", recipients=[PHONE], text=text() if callable(text) else text, idempotency_key="july"
        )
    send.text = rendered
    return send._composer(take_past=False).compose(1, {"phone": PHONE}, None).client_id_sms


@pytest.mark.parametrize("text", [lambda: output_of("words"), "{{ ti.xcom_pull('words') }}"])
def test_a_text_that_another_task_writes_anew_after_a_clear_texts_nobody_again(
    gateway: SandboxServer, text: Any
) -> None:
    assert identity_of(text, "Balance 10") == identity_of(text, "Balance 11")


def test_texts_of_two_tasks_are_two_messages(gateway: SandboxServer) -> None:
    first, second = (identity_of(lambda name=name: output_of(name), "Hello") for name in ("one", "other"))
    assert first != second
