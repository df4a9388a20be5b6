"""A query in a ``.sql`` file, found and rendered by Airflow in a real run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

CUSTOMERS = [
    ("79612242243", "Anna", "Omsk", 30),
    ("79612242244", "Boris", "Tomsk", 30),
    ("79612242245", "Vera", "Omsk", 17),
    ("79612242246", "Gleb", "Omsk", 18),
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database with customers."""
    path = tmp_path / "shop.db"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE customers (phone TEXT, name TEXT, city TEXT, age INTEGER)")
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", CUSTOMERS)


def test_a_query_in_a_file_is_a_template(
    gateway: SandboxServer, shop: None, run_dag_file: Callable[[Path], Any]
) -> None:
    run = run_dag_file(Path(__file__).parent / "dags" / "sql_file.py")
    assert run.state == "success"
    assert [(message["phone"], message["text"]) for message in gateway.messages()] == [
        ("79612242243", "Anna from Omsk"),
        ("79612242246", "Gleb from Omsk"),
    ]
