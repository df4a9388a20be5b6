"""A DAG file that notifies imports nothing that sends."""

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

print("imported", *(set(sys.modules) - before))
"""


def test_that_parsing_imports_nothing_that_sends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    imported = done.stdout.partition("imported ")[2].split()

    assert "airflow_provider_mysmpp.notifications.mysmpp" in imported
    heavy = (
        "airflow_provider_mysmpp.gateway",
        "airflow_provider_mysmpp.sending",
        "requests",
        "sqlite3",
        "phonenumbers",
    )
    assert [name for name in imported if name.startswith(heavy)] == []
