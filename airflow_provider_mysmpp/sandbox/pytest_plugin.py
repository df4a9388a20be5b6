"""Fixtures for pytest; name this module in ``pytest_plugins`` to have them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer


@pytest.fixture(scope="session")
def mysmpp_sandbox_server() -> Iterator[SandboxServer]:
    """One running sandbox for the whole session."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def mysmpp_sandbox(mysmpp_sandbox_server: SandboxServer) -> SandboxServer:
    """
    The running sandbox, as good as new for each test.

    :param mysmpp_sandbox_server: The sandbox of the session.
    """
    mysmpp_sandbox_server.clear()
    return mysmpp_sandbox_server
