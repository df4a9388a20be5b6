"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AirflowStack


@pytest.fixture
def gateway(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, short_pauses: None) -> SandboxServer:
    """The sandbox behind the default connection, with pauses between requests that a test can wait for."""
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    return mysmpp_sandbox


@pytest.fixture(scope="package")
def airflow_stack() -> Iterator[AirflowStack]:
    """A real Airflow for all tests of this folder; each brings DAGs of its own."""
    with AirflowStack() as stack:
        yield stack
