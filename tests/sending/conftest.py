"""What the tests of a send have in common."""

from __future__ import annotations

import pytest

from airflow_provider_mysmpp.sending import dispatch


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a send look up often, and wait only briefly for what still flies at its end."""
    monkeypatch.setattr(dispatch, "_LOOK_UP", 0.005)
    monkeypatch.setattr(dispatch, "_GRACE", 0.2)
