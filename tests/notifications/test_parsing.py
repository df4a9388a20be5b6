"""A DAG file that sends or notifies imports nothing that sends, and nothing that reads a database."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

LIGHT = """
import sys

from airflow.providers.common.compat.sdk import DAG, BaseNotifier, DecoratedOperator

before = set(sys.modules)

from airflow_provider_mysmpp.decorators import task
from airflow_provider_mysmpp.decorators.mysmpp import mysmpp_task
from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier

with DAG("shop", schedule=None, on_failure_callback=MySmppNotifier(to="79612242243")):
    mysmpp_task(text="Hello", task_id="remind")(list)()

print("before", *before)
print("imported", *(set(sys.modules) - before))
"""
HEAVY = (
    "airflow_provider_mysmpp.gateway",
    "airflow_provider_mysmpp.sending",
    "airflow.providers.common.sql.hooks",
    "requests",
    "phonenumbers",
)


def test_that_parsing_imports_nothing_that_sends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    before, imported = (line.split()[1:] for line in done.stdout.splitlines()[-2:])

    # What Airflow has imported already can't be seen here: of all this, only Airflow 2.11 has some.
    assert {name.partition(".")[0] for name in before if name.startswith(HEAVY)} <= {"requests"}
    assert {f"airflow_provider_mysmpp.{part}.mysmpp" for part in ("notifications", "operators")} <= {*imported}
    assert [name for name in imported if name.startswith(HEAVY)] == []
