"""Keep recipients and messages out of what Airflow stores and shows of a template field."""

from __future__ import annotations

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
