"""The shop of the demo: its customers, and what must come of texting them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

CUSTOMERS: Final = 300
"""How many there are."""

_NAMES: Final = (
    *("Анна", "Борис", "Вера", "Григорий", "Дарья", "Егор", "Жанна", "Зоя", "Иван", "Ксения", "Лев", "Мария"),
    *("Anna", "Ben", "Clara", "David", "Eva", "Frank", "Grace", "Hugo"),
)
_PLAIN: Final = "7961224{}{}"
_SPELLINGS: Final = {
    2: "8 (961) 224-{}-{}",
    3: "+7 961 224-{}-{}",
    5: "961224{}{}",
    60: "7961224{}{}.0",
    90: "+7 (961) 224 {} {}",
    120: "8-961-224-{}-{}",
}
"""Other ways to write a phone, by row."""

_REJECTED: Final = {150: "79000000101"}
"""A phone on the sandbox's stop list, by row."""

_INVALID: Final = {100: "79612242243;79612242244", 200: "7.96122E+10"}
"""Two phones in one cell, and what a spreadsheet makes of a number, by row."""

_FAILED: Final = _REJECTED | _INVALID
_SHOWN: Final = 5
_EVERY: Final = 51  # of the messages: no multiple of the names, so that several are seen


def make_customers(database: Path) -> list[str]:
    """
    Make a database of customers as shops have them, and return their phones by row.

    :param database: The file to make.
    """
    phones = [_phone(row) for row in range(1, CUSTOMERS + 1)]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, phone, name, order_number, ready)")
        connection.executemany(
            "INSERT INTO customers (phone, name, order_number, ready) VALUES (?, ?, ?, 1)",
            [(phone, _NAMES[index % len(_NAMES)], _order(index)) for index, phone in enumerate(phones)],
        )
    return phones


def _order(index: int) -> str:
    return f"A-{1001 + index}"


def _phone(row: int) -> str:
    digits = f"{row:04}"
    return _FAILED.get(row) or _SPELLINGS.get(row, _PLAIN).format(digits[:2], digits[2:])


def differences(results: Mapping[str, Any], inbox: Sequence[Mapping[str, Any]]) -> list[str]:
    """
    Return what is not as it should be, in words.

    :param results: The XComs of the send: ``mapping``, ``failed`` and ``summary``.
    :param inbox: The messages of the sandbox.
    """
    expected = {
        "recipients": CUSTOMERS,
        "accepted": CUSTOMERS - len(_FAILED),
        "rejected": len(_REJECTED),
        "invalid": len(_INVALID),
        "duplicate": 0,
        "unknown": 0,
        "unsent": 0,
    }
    found = results["summary"]
    wrong = [
        f"{name} is {found.get(name)}, not {count}" for name, count in expected.items() if found.get(name) != count
    ]
    mapped, kept = _identified(results["mapping"]), _identified(inbox)
    if mapped != kept:
        wrong.append(f"{len(mapped - kept)} of the mapping are not in the inbox, {len(kept - mapped)} only there")
    if twice := len(inbox) - len({message["phone"] for message in inbox}):
        wrong.append(f"{twice} messages went to a phone that had one")
    if (rows := sorted(entry["row"] for entry in results["failed"])) != sorted(_FAILED):
        wrong.append(f"the rows {rows} failed, not {sorted(_FAILED)}")
    return wrong


def _identified(entries: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    return {(entry["phone"], str(entry["client_id_sms"]), str(entry["id_sms"])) for entry in entries}


def show(results: Mapping[str, Any], inbox: Sequence[Mapping[str, Any]], phones: Sequence[str]) -> None:
    """
    Print the summary, the first of the mapping, the failures and some of the messages.

    :param results: The XComs of the send: ``mapping``, ``failed`` and ``summary``.
    :param inbox: The messages of the sandbox, the newest first.
    :param phones: The phones as the database has them, by row.
    """
    summary, mapping = results["summary"], results["mapping"]
    statuses = [name for name in summary if name not in ("parts", "requests", "seconds")]
    print("\nSummary\n  " + ", ".join(f"{summary[name]} {name}" for name in statuses))
    print(f"  about {summary['parts']} parts, requests: {summary['requests']}, seconds: {summary['seconds']}")
    print(f"\nMapping, the first {_SHOWN} of {len(mapping)}: which message went to whom")
    given = dict(zip((_order(index) for index in range(CUSTOMERS)), phones, strict=True))
    _print_table(
        ("key", "phone in the table", "phone", "client_id_sms", "id_sms"),
        [{**entry, "phone in the table": given.get(entry["key"])} for entry in mapping[:_SHOWN]],
    )
    print("\nFailures")
    _print_table(("row", "key", "phone", "status", "code", "error"), results["failed"])
    print(f"\nInbox of the sandbox, {_SHOWN} of {len(inbox)}, the newest first")
    _print_table(("id_sms", "phone", "sender", "text"), inbox[::_EVERY][:_SHOWN])


def _print_table(columns: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> None:
    lines = [list(columns), *([str(entry[column]) for column in columns] for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
