"""Where the rows of a send come from: XCom, a list, or a query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

_BLOCK: Final = 1_000
_CURSOR_NAME: Final = "mysmpp_recipients"


def rows_of(recipients: Any) -> Iterable[Any]:
    """
    Return the rows of a ``recipients`` argument.

    :param recipients: An iterable of phones or mappings, or one phone or mapping alone.
    :raises ConfigurationError: It is nothing of this.
    """
    from airflow_provider_mysmpp.gateway.errors import ConfigurationError  # noqa: PLC0415

    if recipients is None:
        raise ConfigurationError(
            "recipients is None: the task that should return them returned nothing. If there is nobody to text, let it"
            " return an empty list."
        )
    if isinstance(recipients, str) and recipients.lstrip()[:1] in ("[", "{", "("):
        raise ConfigurationError(
            "recipients is a list written as text, as a template makes it. Pass the output of the task itself, or set"
            " render_template_as_native_obj=True in the DAG."
        )
    if isinstance(recipients, Mapping) and "phone" not in recipients:
        raise ConfigurationError(
            "recipients is a mapping without 'phone'. Pass a list of mappings, each with 'phone' and its other columns."
        )
    if hasattr(recipients, "to_dict"):
        raise ConfigurationError("recipients is a data frame. Pass the rows of it: frame.to_dict('records').")
    if isinstance(recipients, str | int | float | Mapping):
        return [recipients]
    if not isinstance(recipients, Iterable):
        raise ConfigurationError(f"recipients is a {type(recipients).__name__}. Pass a list of phones or mappings.")
    return recipients


def rows_from_sql(hook: DbApiHook, sql: str, parameters: Any = None) -> Iterator[dict[str, Any]]:
    """
    Yield the rows of a query as mappings, without ever holding the whole result.

    The transaction ends after the last row, before the first message can leave.

    :param hook: The hook of the database.
    :param sql: One query; its columns are the columns of the recipients.
    :param parameters: What its placeholders stand for.
    :raises ConfigurationError: The query has no column ``phone``, or a column twice.
    """
    with closing(hook.get_conn()) as connection:
        with closing(_streaming_cursor(connection)) as cursor:
            # Without parameters a percent sign in the query is one.
            cursor.execute(*((sql, parameters) if parameters else (sql,)))
            block = cursor.fetchmany(_BLOCK)
            names = _column_names(cursor.description)
            while block:
                yield from _mappings(names, block)
                block = cursor.fetchmany(_BLOCK)
        if not hook.get_autocommit(connection):
            connection.commit()


def _mappings(names: list[str], block: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Return the records of a block as mappings, also those of a cursor that makes mappings with names of its own."""
    records = [record.values() for record in block] if isinstance(block[0], dict) else block
    return map(dict, map(zip, repeat(names), records))  # in C: a third of the time that a loop takes


def _streaming_cursor(connection: Any) -> Any:
    """
    Return a cursor that leaves the result in the database and fetches it block by block.

    Postgres and MySQL drivers fetch the whole result otherwise. For other drivers ``fetchmany`` on the ordinary cursor
    has to do: most stream it (SQLite, Oracle, SQL Server, ClickHouse), some hold the result.
    """
    driver = type(connection).__module__.partition(".")[0]
    if driver in ("psycopg2", "psycopg"):
        return connection.cursor(_CURSOR_NAME)
    if driver == "MySQLdb":
        from MySQLdb.cursors import SSCursor  # noqa: PLC0415

        return connection.cursor(SSCursor)
    if driver == "pymysql":
        from pymysql.cursors import SSCursor  # noqa: PLC0415

        return connection.cursor(SSCursor)
    return connection.cursor()


def _column_names(description: Sequence[Sequence[Any]] | None) -> list[str]:
    from airflow_provider_mysmpp.gateway.errors import ConfigurationError  # noqa: PLC0415

    names = [str(column[0]) for column in description or ()]
    if "phone" not in names and "PHONE" in names:  # Oracle and Snowflake write unquoted names so
        names = [name.lower() for name in names]
    if "phone" not in names:
        raise ConfigurationError(f"The query has no column 'phone', only: {', '.join(names) or 'none'}. Name one so.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"The query has more than one column: {', '.join(repeated)}. Give each its own name.")
    return names
