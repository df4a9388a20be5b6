"""Keep recipients and messages out of what Airflow stores and shows of a template field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Hidden:
    """
    Hold rows where Airflow would store and show them, and render templates in them.

    :param rows: The rows.
    :param kind: What they are, in words.
    """

    def __init__(self, rows: Any, kind: str) -> None:
        self.rows = rows
        self.kind = kind
        self._begun = False

    def take(self) -> Any:
        """
        Return the rows to read them.

        :raises ConfigurationError: They come out of an iterator that was read before, as where one process runs a task
            twice: what is left of it is not the whole list.
        """
        from airflow_provider_mysmpp.gateway.errors import ConfigurationError  # noqa: PLC0415

        if self._begun and isinstance(self.rows, Iterator):
            raise ConfigurationError(f"{self.kind} is an iterator that was read before; give a list to read it again")
        self._begun = True
        return self.rows

    def __repr__(self) -> str:
        count = f"{len(self.rows)} " if hasattr(self.rows, "__len__") else ""
        return f"<{count}{self.kind}, not shown>"

    def serialize(self) -> str:
        """Return what Airflow 3 stores of a template field."""
        return repr(self)


def is_template(value: Any) -> bool:
    """
    Tell whether a value is a template that Airflow has yet to render.

    :param value: What a field holds.
    """
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def holds_references(value: Any) -> bool:
    """
    Tell whether a value is, or holds, what Airflow resolves before the task runs: the output of a task, a parameter.

    :param value: What a field holds in a DAG file.
    """
    if isinstance(value, Mapping):
        return any(map(holds_references, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(holds_references, value))
    # By what it can do: the class is a private one of Airflow, and lies elsewhere in each of its lines.
    return callable(getattr(value, "iter_references", None)) and callable(getattr(value, "resolve", None))
