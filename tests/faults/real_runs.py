"""DAGs and databases for tests in a real Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import dedent, indent
from typing import Any, Final
from urllib.parse import urlsplit

from tests.airflow_stack import AirflowStack

_DAG: Final = """
import json, os, pathlib
from datetime import timedelta

GIVEN = json.loads(pathlib.Path({given!r}).read_text())
os.environ.update(GIVEN["environment"])

from airflow.providers.common.compat.sdk import DAG, task
from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

with DAG({dag_id!r}, schedule=None, catchup=False):
{tasks}
"""


def install(stack: AirflowStack, dag_id: str, tasks: str, *, rows: Any = None, **connections: str) -> None:
    """
    Add a DAG with connections of its own, which its file reads from another one, as it reads its rows.

    :param stack: Where to.
    :param dag_id: Its id.
    :param tasks: The lines within the DAG; they know ``MySmppSendOperator``, ``task``, ``timedelta`` and ``GIVEN``.
    :param rows: What ``GIVEN["rows"]`` is.
    :param connections: Connections in JSON by their ids.
    """
    environment = {f"AIRFLOW_CONN_{conn_id.upper()}": value for conn_id, value in connections.items()}
    given = stack.home / f"{dag_id}.json"
    given.write_text(json.dumps({"environment": environment, "rows": rows}))
    lines = indent(dedent(tasks).strip(), "    ")
    stack.add_dag(dag_id, _DAG.format(given=str(given), dag_id=dag_id, tasks=lines))


class Shop:
    """
    A database with a table of customers, which changes while a task reads it.

    :param stack: Its Postgres holds the table, or a file in its home does.
    """

    def __init__(self, stack: AirflowStack) -> None:
        from sqlalchemy import create_engine

        self._postgres = stack.database.startswith("postgresql")
        url = stack.database if self._postgres else f"sqlite:///{stack.home / 'shop.db'}"
        self._url = urlsplit(url)
        self._engine: Any = create_engine(url, isolation_level="AUTOCOMMIT")

    @property
    def connection(self) -> str:
        """The Airflow connection to it, as JSON."""
        if not self._postgres:
            return json.dumps({"conn_type": "sqlite", "host": self._url.path[1:]})
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": self._url.hostname,
                "port": self._url.port,
                "login": self._url.username,
                "schema": self._url.path[1:],
            }
        )

    def run(self, statement: str, *rows: Mapping[str, Any]) -> None:
        """
        Run a statement, once for each row if there are rows.

        :param statement: SQL with ``:name`` placeholders.
        :param rows: What these stand for.
        """
        from sqlalchemy import text

        with self._engine.connect() as connection:
            connection.execute(text(statement), *([list(rows)] if rows else []))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextmanager
def shop_of(stack: AirflowStack) -> Iterator[Shop]:
    """
    Give a shop without customers, and take it away again.

    :param stack: Where it is.
    """
    shop = Shop(stack)
    try:
        shop.run("CREATE TABLE customers (phone TEXT NOT NULL, order_number TEXT NOT NULL, balance INTEGER NOT NULL)")
        yield shop
        shop.run("DROP TABLE customers")
    finally:
        shop.close()
