"""What the wait for delivery imports: nothing of Airflow where it decides, nothing heavy where DAG files are parsed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "airflow_provider_mysmpp"

LIGHT = """
import sys
from airflow.providers.common.compat.sdk import BaseHook, BaseOperator, BaseSensorOperator, ObjectStoragePath
import airflow.triggers.base
before = set(sys.modules)
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor
MySmppDeliverySensor(task_id="wait", messages=[1, 2], deferrable=True)
import airflow_provider_mysmpp.triggers.mysmpp
print(*sorted(name for name in set(sys.modules) - before if name.startswith("airflow_provider_mysmpp.")))
"""


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("delivery/*.py")), ids=lambda path: path.name)
def test_the_decisions_know_the_gateway_only(path: Path) -> None:
    names = {
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    ours = {name for name in names if name.startswith("airflow")}
    allowed = ("airflow_provider_mysmpp.gateway", "airflow_provider_mysmpp.delivery")
    assert [name for name in ours if not name.startswith(allowed)] == []


def test_a_dag_file_loads_nothing_that_speaks_to_the_gateway() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=120, check=True)
    loaded = {name.removeprefix("airflow_provider_mysmpp.") for name in done.stdout.splitlines()[-1].split()}
    assert "sensors.mysmpp" in loaded
    heavy = {"gateway.client", "gateway.retrying", "sensors.wait", "delivery.watch", "delivery.poll", "delivery.files"}
    assert loaded & heavy == set()
