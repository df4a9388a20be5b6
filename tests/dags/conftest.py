"""Run example DAGs for real, by ``dag.test()``, against the sandbox."""

from __future__ import annotations

import json
import runpy
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.conftest import ROOT


class Run:
    """
    A run of an example DAG.

    :param dag_run: What ``dag.test()`` returned.
    """

    def __init__(self, dag_run: Any) -> None:
        self._dag_run = dag_run
        self.state = str(dag_run.state)

    def states(self) -> dict[str, str]:
        """Return the state of each task instance by its name."""
        return {f"{ti.task_id}[{ti.map_index}]": str(ti.state) for ti in self._dag_run.get_task_instances()}

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task pushed."""
        [ti] = [ti for ti in self._dag_run.get_task_instances() if (ti.task_id, ti.map_index) == (task_id, map_index)]
        return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=map_index)


@pytest.fixture
def run_dag(
    airflow_database: None, mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Run]:
    """Give a function that runs the DAG of an example file."""
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())

    def run(dag_id: str) -> Run:
        path = ROOT / "example_dags" / f"{dag_id}.py"
        names = runpy.run_path(str(path), run_name=dag_id)
        dag = next(thing.dag for thing in names.values() if hasattr(thing, "task_id"))
        return Run(dag.test())

    return run


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """A database with the table of customers that the SQL example reads."""
    path = tmp_path / "shop.db"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, phone, name, order_number, ready)")
    return database
