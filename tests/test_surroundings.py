"""What all tests stand on: an Airflow of their own, and in CI every service."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from . import airflow_stack
from .conftest import ROOT
from .support import AIRFLOW, CI_VARIABLE

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


def test_what_is_skipped_on_one_line_of_airflow_runs_on_the_other_that_ci_runs() -> None:
    found = [
        re.search(r"^apache-airflow==(\d+)\.(\d+)", file.read_text(), re.M) for file in ROOT.glob("constraints*.txt")
    ]
    older, newer = sorted((int(pin[1]), int(pin[2])) for pin in found if pin is not None)
    assert older == (2, 11)
    assert newer >= (3, 2), "there are tests for nothing older"
    if os.environ.get(CI_VARIABLE):
        assert AIRFLOW in (older, newer)

    program = (ROOT / ".ci" / "run").read_text()
    assert [" AIRFLOW=2.11" in line for line in program.splitlines() if "make test" in line] == [False, True]
    for folder in re.findall(r"--ignore=([a-z/]+)", program):
        texts = [file.read_text() for file in (ROOT / folder).rglob("*.py")]
        assert texts
        assert not any("skipif" in text for text in texts), folder


@pytest.fixture
def without_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody listen where Postgres should."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"postgresql+psycopg2://postgres@127.0.0.1:{port}/{{}}"
    monkeypatch.setattr(airflow_stack, "_POSTGRES", url)


@pytest.fixture
def without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python find no driver of Postgres."""
    monkeypatch.setitem(sys.modules, "psycopg2", None)


@pytest.mark.parametrize("lack", ["without_postgres", "without_its_driver"])
def test_airflow_takes_a_file_where_there_is_no_postgres_but_not_in_ci(
    lack: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue(lack)
    stack = airflow_stack.AirflowStack()
    stack.home, stack._database_name = tmp_path, "unused"
    monkeypatch.delenv(CI_VARIABLE, raising=False)
    assert stack._make_database() == f"sqlite:///{tmp_path}/airflow.db"
    monkeypatch.setenv(CI_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="no PostgreSQL"):
        stack._make_database()
