"""Whole DAGs under ``dag.test()``: from SQL to the report in every mode, and mapped tasks that defer."""

from __future__ import annotations

import json
import runpy
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "example_dags"
PHONES = [*(f"7961224{number:04}" for number in range(17)), "79000000203", "79000000204", "79000000101"]

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture
def sandbox(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """The sandbox behind the default connection; a delivery takes a moment."""
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    mysmpp_sandbox.change(delivery_seconds=0.5, price="2.5")
    return mysmpp_sandbox


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database with customers."""
    database = tmp_path / "shop.db"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(database)}))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE customers (id, phone, name, order_number, ready)")
        rows = [(number, phone, "Анна", f"A-{number}", True) for number, phone in enumerate(PHONES)]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()


def xcom(run: Any, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
    from airflow.utils.session import create_session
    from sqlalchemy import text

    query = "SELECT value FROM xcom WHERE run_id = :run_id AND task_id = :task_id AND key = :key AND map_index = :at"
    with create_session() as session:
        found = {"run_id": run.run_id, "task_id": task_id, "key": key, "at": map_index}
        return json.loads(session.execute(text(query), found).scalar_one())


@pytest.mark.parametrize("mode", ["deferred", "poke", "reschedule"])
def test_from_sql_to_the_report(sandbox: SandboxServer, shop: None, mode: str, capfd: Any) -> None:
    module = runpy.run_path(str(EXAMPLES / "mysmpp_delivery.py"))
    wait = module["wait"]
    assert wait.deferrable
    wait.poke_interval = 0.2
    wait.deferrable, wait.mode = mode == "deferred", "reschedule" if mode == "reschedule" else "poke"
    run = wait.dag.test()
    assert run.state == "success"
    summary = xcom(run, "wait", "summary")
    assert summary == {
        "messages": 19,
        "delivered": 17,
        "failed": 2,
        "open": 0,
        "states": {"deliver": 17, "not_deliver": 1, "expired": 1},
        "parts": summary["estimated_parts"],
        "estimated_parts": xcom(run, "send", "summary")["parts"],
        "price": "47.5",
        "prices": {"deliver": "42.5", "not_deliver": "2.5", "expired": "2.5"},
    }
    ledger = {str(message["id_sms"]): message for message in sandbox.messages()}
    told = xcom(run, "wait")
    assert [entry["phone"] for entry in told] == PHONES[:-1]
    for entry in told:
        message = ledger[entry["id_sms"]]
        assert (entry["phone"], entry["state"]) == (message["phone"], message["state"])
        assert entry["changed_at"].replace("T", " ") == f"{message['state_time']}+03:00"
    printed = capfd.readouterr().out
    for line in ("17 delivered, 2 failed, 0 open", "expired: 1 messages for 2.5", "stop_list: 1 never sent"):
        assert line in printed


@pytest.mark.parametrize("mode", ["deferred", "poke"])
def test_too_many_fail(sandbox: SandboxServer, shop: None, mode: str) -> None:
    wait = runpy.run_path(str(EXAMPLES / "mysmpp_delivery.py"))["wait"]
    wait.poke_interval, wait.deferrable, wait.retries = 0.2, mode == "deferred", 3
    wait.goal = type(wait.goal)(0.9)
    run = wait.dag.test()
    task = run.get_task_instance("wait")
    assert (task.state, task.try_number) == ("failed", 1)
    assert xcom(run, "wait", "summary")["failed"] == 2
    assert len(xcom(run, "wait")) == 19
    assert run.get_task_instance("report").state == "success"


def test_mapped_and_deferred(sandbox: SandboxServer, run_dag_file: Callable[[Path], Any]) -> None:
    run = run_dag_file(HERE / "dags" / "delivery_mapped.py")
    assert run.state == "success"
    phones = [[entry["phone"] for entry in xcom(run, "each", map_index=index)] for index in (0, 1)]
    assert phones == [["79612242243", "79612242244"], ["79612242245"]]
    assert [xcom(run, "each", "summary", index)["delivered"] for index in (0, 1)] == [2, 1]
    together = xcom(run, "together", "summary")
    assert together["states"] == {"deliver": 3}
    assert together["estimated_parts"] == together["parts"] == 3
