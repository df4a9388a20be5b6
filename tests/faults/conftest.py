"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.airflow_stack import AirflowStack


@pytest.fixture(scope="package")
def airflow_stack() -> Iterator[AirflowStack]:
    """A real Airflow for all tests of this folder; each brings DAGs of its own."""
    with AirflowStack() as stack:
        yield stack
