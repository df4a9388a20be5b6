"""What editors and type checkers know of ``@task.mysmpp``."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from airflow_provider_mysmpp.decorators.mysmpp import mysmpp_task
from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from tests.conftest import ROOT
from tests.support import AIRFLOW

SOURCES = {"recipients", "sql", "sql_conn_id", "parameters"}

SNIPPET = """
from airflow_provider_mysmpp.decorators import task


@task.mysmpp(text="Hello", max_parts=5, retries=3)
def good(phone: str) -> list[str]:
    return [phone]


@task.mysmpp
def bare() -> list[str]:
    return []


good.override(task_id="other")
good("79612242243")
bare()
good(5)  # wrong
task.mysmpp(text=5)  # wrong
task.mysmpp(max_parts="many")  # wrong
task.bash(env=3)  # wrong
"""


def test_that_the_parameters_are_the_operators() -> None:
    [typed] = [
        overload.parameters
        for overload in map(inspect.signature, typing.get_overloads(mysmpp_task))
        if "python_callable" not in overload.parameters
    ]
    operators = inspect.signature(MySmppSendOperator.__init__).parameters
    expected = {name: operators[name] for name in operators if name not in SOURCES | {"self"}}

    assert list(typed) == list(expected)
    for name in set(typed) - {"kwargs"}:
        assert typed[name].default == expected[name].default, name
        assert typed[name].annotation == expected[name].annotation, name


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 types its decorators elsewhere")
def test_that_a_type_checker_finds_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET)

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "--config-file=", "--no-error-summary", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    wrong = [number for number, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# wrong")]
    found = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error: " in line]
    assert found == wrong, done.stdout + done.stderr
