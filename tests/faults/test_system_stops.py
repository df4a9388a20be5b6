"""A send that Airflow stops in mid-send: what is in flight is awaited, the outcomes are pushed, a retry ends it."""

from __future__ import annotations

import os
import signal
from typing import Any, Final

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AirflowStack, Run, TaskState

from .attempts import PHONES
from .ledger import assert_once, kept, mapped
from .real_runs import install

pytestmark = [pytest.mark.system, pytest.mark.service]

ROWS: Final = 600
TASK: Final = """
MySmppSendOperator(
    task_id="send", recipients=GIVEN["rows"], text="Готово", batch_size=10, max_in_flight=2,
    retries=1, retry_delay=timedelta(seconds=5), %s
)
"""


def begin(stack: AirflowStack, sandbox: SandboxServer, dag_id: str, more: str = "") -> tuple[Run, TaskState]:
    """Start a send that takes twelve seconds, and return when it is in the middle."""
    sandbox.add_fault("delay", seconds=0.4, times=None)
    install(stack, dag_id, TASK % more, rows=PHONES[:ROWS], mysmpp_default=sandbox.airflow_connection())
    run = stack.trigger(dag_id)
    stack.wait_until(lambda: int(sandbox.summary()["requests"]) >= 5, "the fifth request")
    task = stack.task(run, "send")
    assert task is not None
    assert task.pid is not None
    return run, task


def assert_pushed(stack: AirflowStack, run: Run, sandbox: SandboxServer, *, unknown: int = 0) -> None:
    """All outcomes are pushed: some accepted, the rest unsent, but for what was in flight and got no answer."""
    summary: dict[str, Any] = stack.xcom(run, "send", "summary")
    mapping = mapped(stack.xcom(run, "send"))
    failed: list[dict[str, Any]] = stack.xcom(run, "send", "failed")
    assert summary["recipients"] == ROWS
    assert 0 < summary["accepted"] == len(mapping) < ROWS
    assert summary["unknown"] == unknown
    assert summary["accepted"] + summary["unknown"] + summary["unsent"] == ROWS
    assert [one["status"] for one in failed] == ["unknown"] * unknown + ["unsent"] * summary["unsent"]
    ledger = kept(sandbox)
    assert set(mapping) <= set(ledger)
    assert len(ledger) - len(mapping) <= unknown
    assert_once(ledger)


def assert_whole(stack: AirflowStack, run: Run, sandbox: SandboxServer) -> None:
    """Everybody was texted once, and the mapping is the gateway's ledger."""
    ledger = kept(sandbox)
    assert len(ledger) == ROWS
    assert_once(ledger)
    assert set(mapped(stack.xcom(run, "send"))) == set(ledger)
    assert stack.xcom(run, "send", "summary")["accepted"] == ROWS
    assert stack.xcom(run, "send", "failed") == []


def finish(stack: AirflowStack, run: Run, sandbox: SandboxServer) -> None:
    """Let the gateway answer at once, and wait for the retry."""
    sandbox.api("DELETE", "/api/faults")
    assert stack.wait_for_run(run) == "success"
    assert_whole(stack, run, sandbox)


def test_a_task_that_is_marked_failed(airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer) -> None:
    run, _ = begin(airflow_stack, mysmpp_sandbox, "marked_failed")
    airflow_stack.mark_failed(run, "send")
    airflow_stack.wait_until(lambda: has_xcom(airflow_stack, run), "the outcomes")
    requests = len(mysmpp_sandbox.requests())
    assert_pushed(airflow_stack, run, mysmpp_sandbox)
    assert airflow_stack.wait_for_run(run) == "failed"
    assert len(mysmpp_sandbox.requests()) == requests, "nothing leaves any more"
    airflow_stack.clear(run, "send")
    finish(airflow_stack, run, mysmpp_sandbox)


def has_xcom(stack: AirflowStack, run: Run) -> bool:
    try:
        return stack.xcom(run, "send") is not None
    except KeyError:
        return False


def test_a_process_that_is_asked_to_end(airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer) -> None:
    run, task = begin(airflow_stack, mysmpp_sandbox, "asked_to_end")
    os.kill(task.pid or 0, signal.SIGTERM)
    airflow_stack.wait_for_task(run, "send", "up_for_retry")
    assert_pushed(airflow_stack, run, mysmpp_sandbox)
    finish(airflow_stack, run, mysmpp_sandbox)


def test_an_answer_that_does_not_come_is_not_awaited(
    airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer
) -> None:
    mysmpp_sandbox.add_fault("delay", seconds=0.1, times=4)
    mysmpp_sandbox.add_fault("delay", seconds=3600, times=None)
    run, task = begin(airflow_stack, mysmpp_sandbox, "hanging_answer")
    airflow_stack.wait_until(lambda: len(mysmpp_sandbox.requests()) == 6, "two hanging requests")
    os.kill(task.pid or 0, signal.SIGTERM)
    airflow_stack.wait_for_task(run, "send", "up_for_retry")
    assert_pushed(airflow_stack, run, mysmpp_sandbox, unknown=20)
    finish(airflow_stack, run, mysmpp_sandbox)


def test_a_task_that_takes_too_long(airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer) -> None:
    run, _ = begin(airflow_stack, mysmpp_sandbox, "too_long", "execution_timeout=timedelta(seconds=6)")
    airflow_stack.wait_for_task(run, "send", "up_for_retry")
    assert_pushed(airflow_stack, run, mysmpp_sandbox)
    assert "AirflowTaskTimeout" in airflow_stack.task_logs(run)
    finish(airflow_stack, run, mysmpp_sandbox)
