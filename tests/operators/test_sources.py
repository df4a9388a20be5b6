"""Rows come out of every kind of source as they went in, and a query never stands in memory as a whole."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.operators.sources import rows_from_sql, rows_of
from tests.conftest import ROOT
from tests.support import need_module, need_port

POSTGRES = {"host": "127.0.0.1", "user": "postgres", "dbname": "postgres"}
MANY = 200_000


class Watched:
    """A connection that tells what was done with it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.cursors: list[Any] = []
        self.committed = self.closed = False
        # The driver is told by the module of the connection's class.
        self.__class__ = type("Watched", (Watched,), {"__module__": type(connection).__module__})

    def cursor(self, *arguments: Any, **named: Any) -> Any:
        self.cursors.append(self._connection.cursor(*arguments, **named))
        return self.cursors[-1]

    def commit(self) -> None:
        self._connection.commit()
        self.committed = True

    def close(self) -> None:
        self._connection.close()
        self.closed = True


class Hook:
    """What is asked of a ``DbApiHook``."""

    def __init__(self, connect: Callable[[], Any], *, autocommit: bool = False) -> None:
        self._connect = connect
        self._autocommit = autocommit
        self.connection: Any = None

    def get_conn(self) -> Any:
        self.connection = Watched(self._connect())
        return self.connection

    def get_autocommit(self, _connection: Any) -> bool:
        return self._autocommit


def rows(hook: Any, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
    return list(rows_from_sql(hook, sql, parameters))


def sqlite() -> Any:
    return sqlite3.connect(":memory:")


def psycopg2(**more: Any) -> Any:
    need_port(5432, "PostgreSQL")
    return need_module("psycopg2").connect(**POSTGRES, **more)


def psycopg(**more: Any) -> Any:
    need_port(5432, "PostgreSQL")
    return need_module("psycopg").connect("host=127.0.0.1 user=postgres dbname=postgres", **more)


def pymysql(**more: Any) -> Any:
    need_port(3306, "MariaDB")
    return need_module("pymysql").connect(host="127.0.0.1", user="root", password="", **more)


DATABASES = [
    pytest.param(sqlite, "?", id="sqlite"),
    pytest.param(psycopg2, "%s", id="psycopg2", marks=pytest.mark.service),
    pytest.param(psycopg, "%s", id="psycopg3", marks=pytest.mark.service),
    pytest.param(pymysql, "%s", id="pymysql", marks=pytest.mark.service),
]


@pytest.mark.parametrize(("connect", "mark"), DATABASES)
def test_a_query_gives_mappings_in_its_order(connect: Callable[[], Any], mark: str) -> None:
    hook = Hook(connect)
    counted = (
        "WITH RECURSIVE counted (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < 900)"
    )
    found = rows(
        hook,
        f"{counted} SELECT 'x' AS phone, a.number AS number, b.number AS other FROM counted AS a, counted AS b"  # noqa: S608
        f" WHERE b.number < 3 AND a.number <> {mark} ORDER BY a.number DESC, b.number",
        (7,),
    )
    assert [row["number"] for row in found[::2]] == [number for number in range(900, 0, -1) if number != 7]
    assert found[1] == {"phone": "x", "number": 900, "other": 2}


@pytest.mark.parametrize(("connect", "mark"), DATABASES)
def test_the_transaction_ends_and_the_connection_is_closed(connect: Callable[[], Any], mark: str) -> None:
    hook = Hook(connect)
    assert rows(hook, f"SELECT {mark} AS phone", ("79000000001",)) == [{"phone": "79000000001"}]
    assert hook.connection.committed
    assert hook.connection.closed


@pytest.mark.parametrize(("connect", "mark"), DATABASES)
def test_a_query_that_fails_closes_the_connection(connect: Callable[[], Any], mark: str) -> None:
    hook = Hook(connect)
    with pytest.raises(Exception, match=r"no_such_table|No database selected"):
        rows(hook, f"SELECT phone FROM no_such_table WHERE phone = {mark}", ("1",))  # noqa: S608
    assert hook.connection.closed
    assert not hook.connection.committed


@pytest.mark.parametrize(("connect", "mark"), DATABASES)
def test_a_percent_sign_needs_no_escape_without_parameters(connect: Callable[[], Any], mark: str) -> None:
    assert mark
    assert rows(Hook(connect), "SELECT '79000000001' AS phone, '5 % off' AS text")[0]["text"] == "5 % off"


@pytest.mark.parametrize(("connect", "mark"), DATABASES)
def test_no_rows_are_no_error(connect: Callable[[], Any], mark: str) -> None:
    assert rows(Hook(connect), f"SELECT '1' AS phone WHERE {mark} = 2", (1,)) == []


@pytest.mark.parametrize(("connect", "mark"), DATABASES)
def test_the_columns_are_checked_before_any_row(connect: Callable[[], Any], mark: str) -> None:
    assert mark
    with pytest.raises(ConfigurationError, match="no column 'phone', only: tel, name"):
        rows(Hook(connect), "SELECT '1' AS tel, 'x' AS name")
    with pytest.raises(ConfigurationError, match="more than one column: name"):
        rows(Hook(connect), "SELECT '1' AS phone, 'x' AS name, 'y' AS name")


def test_autocommit_is_not_committed() -> None:
    hook = Hook(sqlite, autocommit=True)
    rows(hook, "SELECT '1' AS phone")
    assert not hook.connection.committed


def test_column_names_in_capitals_count_as_small() -> None:
    assert rows(Hook(sqlite), "SELECT '1' AS PHONE, 'Anna' AS NAME") == [{"phone": "1", "name": "Anna"}]


def test_column_names_in_capitals_count_as_small_beside_one_that_has_none() -> None:
    assert rows(Hook(sqlite), "SELECT '1' AS PHONE, 'Anna' AS имя") == [{"phone": "1", "имя": "Anna"}]


def test_mappings_with_names_in_capitals_count_as_small() -> None:
    def connect() -> Any:
        connection = sqlite()
        connection.row_factory = lambda cursor, record: dict(
            zip([c[0] for c in cursor.description], record, strict=True)
        )
        return connection

    assert rows(Hook(connect), "SELECT '1' AS PHONE, 'Anna' AS NAME") == [{"phone": "1", "name": "Anna"}]


def test_mixed_column_names_stay() -> None:
    assert rows(Hook(sqlite), "SELECT '1' AS phone, 'Anna' AS Name") == [{"phone": "1", "Name": "Anna"}]


@pytest.mark.service
def test_rows_that_are_mappings_already_stay() -> None:
    extras = need_module("psycopg2.extras")
    hook = Hook(lambda: psycopg2(cursor_factory=extras.RealDictCursor))
    assert rows(hook, "SELECT '1' AS phone, 2 AS number") == [{"phone": "1", "number": 2}]


@pytest.mark.service
@pytest.mark.parametrize("connect", [psycopg2, psycopg])
def test_postgres_keeps_the_result_on_the_server(connect: Callable[[], Any]) -> None:
    hook = Hook(connect)
    stream = rows_from_sql(hook, "SELECT i AS phone FROM generate_series(1, 5000) AS series (i)")  # type: ignore[arg-type]
    next(stream)
    declared = hook.connection._connection.cursor()
    declared.execute("SELECT name FROM pg_cursors")
    assert [name for (name,) in declared] == ["mysmpp_recipients"]
    declared.close()
    assert sum(1 for _ in stream) == 4_999


@pytest.mark.service
def test_mariadb_keeps_the_result_on_the_server() -> None:
    from pymysql.cursors import SSCursor

    hook = Hook(pymysql)
    rows(hook, "SELECT '1' AS phone")
    assert [type(cursor) for cursor in hook.connection.cursors] == [SSCursor]


@pytest.mark.service
def test_reading_many_rows_from_postgres_takes_no_memory() -> None:
    need_port(5432, "PostgreSQL")
    query = f"SELECT 79000000000 + i AS phone, repeat('ж', 85) AS text FROM generate_series(1, {MANY}) AS series (i)"  # noqa: S608
    arguments = {"connection": "postgresql://postgres@127.0.0.1:5432/postgres", "query": query}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.worker", "source", json.dumps(arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["rows"] == MANY
    assert measured["growth"] <= 10, "MiB; the whole result would take about a hundred"


@pytest.fixture
def unknown_driver() -> Hook:
    class Cursor:
        description = (("phone", None), ("name", None))

        def __init__(self) -> None:
            self.blocks = [[("1", "a")], [("2", "b")], []]

        def execute(self, _sql: str) -> None:
            """Do nothing."""

        def fetchmany(self, _size: int) -> list[tuple[str, str]]:
            return self.blocks.pop(0)

        def close(self) -> None:
            """Do nothing."""

    class Connection:
        __module__ = "driver_of_tomorrow.api"

        def cursor(self) -> Cursor:
            return Cursor()

        def commit(self) -> None:
            """Do nothing."""

        def close(self) -> None:
            """Do nothing."""

    return Hook(Connection)


def test_a_driver_that_is_not_known_is_read_block_by_block(unknown_driver: Hook) -> None:
    assert rows(unknown_driver, "whatever") == [{"phone": "1", "name": "a"}, {"phone": "2", "name": "b"}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["79000000001", 79000000002], ["79000000001", 79000000002]),
        (({"phone": "1"},), [{"phone": "1"}]),
        ((str(number) for number in range(2)), ["0", "1"]),
        ("79000000001", ["79000000001"]),
        (79000000001, [79000000001]),
        ({"phone": "1", "name": "Anna"}, [{"phone": "1", "name": "Anna"}]),
        ([], []),
    ],
)
def test_recipients_in_every_form_become_rows(given: Any, expected: list[Any]) -> None:
    assert list(rows_of(given)) == expected


class Frame:
    """What tells a data frame."""

    def to_dict(self, _orient: str) -> None:
        """Do nothing."""

    def __iter__(self) -> Iterator[str]:
        return iter(["phone"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "returned nothing"),
        ("['79000000001']", "render_template_as_native_obj"),
        ({"79000000001": "Anna"}, "a mapping without 'phone'"),
        (Frame(), r"to_dict\('records'\)"),
        (object(), "a object"),
    ],
)
def test_what_is_no_list_of_recipients_is_refused_with_a_remedy(given: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        rows_of(given)
