"""The gateway that the notifiers of these tests find."""

from __future__ import annotations

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer


@pytest.fixture
def gateway(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, short_pauses: None) -> SandboxServer:
    """The sandbox behind the default connection, with pauses between requests that a test can wait for."""
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    return mysmpp_sandbox
