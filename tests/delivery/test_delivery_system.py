"""A real scheduler and a real triggerer, which is killed in mid-wait and started again."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AirflowStack, Run
from tests.canaries import LOGIN, PASSWORD, connection

from .test_wire import STATES

DAG = """
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor

with DAG("delivery", schedule=None, catchup=False):
    send = MySmppSendOperator(task_id="send", recipients=%r, text="Готово")
    MySmppDeliverySensor(
        task_id="wait",
        messages=send.output,
        deferrable=True,
        success_ratio=0.8,
        poke_interval=1,
        max_wait=2,
        timeout=600,
    )
"""
PHONES = [*(f"7961224{number:04}" for number in range(8)), "79000000203", "79000000204"]
SECRETS = (LOGIN, PASSWORD, *PHONES)
PROMPT = {
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEARTRATE": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "4",
}

pytestmark = pytest.mark.system


def questions(sandbox: SandboxServer) -> int:
    return len(sandbox.requests(path=STATES))


def look_at_the_row(airflow: AirflowStack) -> None:
    """Read what the metadata database holds of the trigger: ids and a name, no credentials, no phones."""
    ((path, stored),) = airflow.sql("SELECT classpath, kwargs FROM trigger")
    assert path == "airflow_provider_mysmpp.triggers.mysmpp.MySmppDeliveryTrigger"
    assert "mysmpp_default" in stored
    assert len(stored) < 1_000
    for canary in ("password", "127.0.0.1", *SECRETS):
        assert canary not in stored


def look_at_the_end(airflow: AirflowStack, run: Run, sandbox: SandboxServer) -> None:
    summary: dict[str, Any] = airflow.xcom(run, "wait", "summary")
    assert summary["states"] == {"deliver": 8, "not_deliver": 1, "expired": 1}
    assert summary["parts"] == summary["estimated_parts"] == 10
    ledger = {str(message["id_sms"]): (message["phone"], message["state"]) for message in sandbox.messages()}
    told = {entry["id_sms"]: (entry["phone"], entry["state"]) for entry in airflow.xcom(run, "wait")}
    assert told == ledger
    assert len(sandbox.requests()) == 1
    task = airflow.task(run, "wait")
    assert task is not None
    assert task.try_number == 1


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("canary_account")
def test_a_triggerer_that_is_killed_in_mid_wait(mysmpp_sandbox: SandboxServer) -> None:
    sandbox = mysmpp_sandbox
    sandbox.change(clock="stopped", delivery_seconds=10)
    with AirflowStack(env=PROMPT, triggerer=True) as airflow:
        # In the database, so that the triggerer of Airflow 3 has to ask for it as for any other secret.
        airflow.cli("connections", "add", "mysmpp_default", "--conn-json", connection(sandbox))
        airflow.add_dag("delivery", DAG % PHONES)
        run = airflow.trigger("delivery")
        airflow.wait_for_task(run, "wait", "deferred")
        look_at_the_row(airflow)
        airflow.wait_until(lambda: questions(sandbox) >= 3, "the trigger to look")

        airflow.stop_component("triggerer", kill=True)
        seen = questions(sandbox)
        sandbox.advance(10)  # everything is delivered while nobody looks
        task = airflow.task(run, "wait")
        assert task is not None
        assert task.state == "deferred"
        assert questions(sandbox) == seen

        airflow.start_component("triggerer")
        airflow.wait_for_run(run, "success")
        look_at_the_end(airflow, run, sandbox)
        logs = airflow.task_logs(run) + "".join(map(airflow.component_log, airflow.components))
        assert "Delivery: 8 deliver" in logs
        for canary in SECRETS:
            assert canary not in logs
