"""What every test shares: an Airflow home of its own, the sandbox, and what a missing service means."""

from __future__ import annotations

import json
import logging
import os
import runpy
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .support import Written

ROOT = Path(__file__).parent.parent
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="mysmpp-tests-"))
# Airflow reads its environment when it is first imported, which no module of the tests does before this one. What is
# set already would lead the tests to somebody's real database and connections.
for variable in [name for name in os.environ if name.startswith(("AIRFLOW_", "_AIRFLOW_"))]:
    del os.environ[variable]
os.environ.update(
    AIRFLOW_HOME=str(AIRFLOW_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "example_dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
)

# How long an example takes says more of the machine than of the code; the blob repeats one that failed in CI.
settings.register_profile("mysmpp", deadline=None, print_blob=True)
settings.load_profile("mysmpp")

pytest_plugins = ["airflow_provider_mysmpp.sandbox.pytest_plugin"]


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """A migrated metadata database in the tests' own Airflow home."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def run_dag_file(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Any]:
    """Give a function that runs the ``dag`` of a file by ``dag.test()`` and returns the run."""

    def run(file: Path) -> Any:
        bundle = {"name": "here", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
        bundles = [{**bundle, "kwargs": {"path": str(file.parent)}}]
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
        return runpy.run_path(str(file))["dag"].test()

    return run


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """All that is logged and printed, whatever its level."""
    with caplog.at_level(logging.DEBUG):
        yield Written(caplog, capfd)


@pytest.fixture
def canary_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox know the canaries."""
    from airflow_provider_mysmpp.sandbox import rules

    from .canaries import Account

    monkeypatch.setattr(rules, "ACCOUNT", Account())


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between requests that a test can wait for; everything else about retries stays as it is."""
    from airflow_provider_mysmpp.gateway.retrying import RetryPolicy

    monkeypatch.setattr(RetryPolicy, "pause", lambda _self, _state: 0.01)


@pytest.fixture
def gateway(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, short_pauses: None) -> SandboxServer:
    """The sandbox behind the default connection, with pauses between requests that a test can wait for."""
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    return mysmpp_sandbox
