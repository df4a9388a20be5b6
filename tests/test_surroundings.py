"""What all tests stand on: an Airflow of their own, whatever the machine's environment says."""

from __future__ import annotations

import os
import subprocess
import sys

from .conftest import ROOT

LOOK = """
import os
from tests import conftest
from airflow.configuration import conf
print(conf.get("database", "sql_alchemy_conn"), *sorted(name for name in os.environ if "AIRFLOW_" in name))
conftest.pytest_unconfigure()
"""


def test_tests_know_nothing_of_another_airflow() -> None:
    theirs = {
        "AIRFLOW_HOME": "/nonexistent",
        "AIRFLOW_CONFIG": "/nonexistent/airflow.cfg",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nonexistent/airflow.db",
        "AIRFLOW__CORE__FERNET_KEY": "theirs",
        "AIRFLOW_CONN_MYSMPP_DEFAULT": "mysmpp://nobody:nothing@nowhere.invalid",
        "AIRFLOW_CTX_DAG_ID": "theirs",
        "_AIRFLOW__AS_LIBRARY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=ROOT,
        env=os.environ | theirs,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    database, *variables = done.stdout.splitlines()[-1].split()
    assert database.startswith("sqlite:///")
    assert "mysmpp-tests-" in database
    assert variables == ["AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__LOAD_EXAMPLES"]
