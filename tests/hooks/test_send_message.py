"""``send_message`` within real tasks, which it knows by Airflow's own context."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mysmpp.hooks import mysmpp
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

DAG_FILE = Path(__file__).parent / "dags" / "send_message.py"


def test_a_task_sends_a_message_once_in_a_run(
    gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch, run_dag_file: Callable[[Path], Any]
) -> None:
    # Only the context tells the task here: the environment of the process would do it as well.
    monkeypatch.setattr(mysmpp, "_OF_TASK", ("NOT_SET",))
    told = []
    for _ in range(2):
        run = run_dag_file(DAG_FILE)
        assert run.state == "success"
        tasks = {ti.task_id: ti for ti in run.get_task_instances()}
        told += [tasks[task_id].xcom_pull(task_ids=task_id) for task_id in ("decorated", "plain")]
    assert [first for first, _ in told] == [second for _, second in told]
    kept = [str(message["id_sms"]) for message in gateway.messages()]
    assert len(kept) == len(told), "one message a task and run"
    assert {entries[0]["id_sms"] for entries in told} == set(kept)
