"""Keep the messages and the requests in SQLite, so that the sandbox holds hundreds of thousands of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from airflow_provider_mysmpp.sandbox.rules import ACCOUNT
from airflow_provider_mysmpp.sandbox.settings import show_money
from airflow_provider_mysmpp.sandbox.states import SENT, Way, account_time

FIRST_ID: Final = 700_000_001
_VERSION: Final = 1
_MOST_VARIABLES: Final = 500
_SCHEMA: Final = """
CREATE TABLE messages (
    id_sms INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, client_id TEXT, request INTEGER NOT NULL,
    phone TEXT NOT NULL, sender TEXT NOT NULL, channel TEXT NOT NULL, text TEXT NOT NULL, folded TEXT NOT NULL,
    parts INTEGER NOT NULL, price INTEGER NOT NULL, validity TEXT, time REAL NOT NULL,
    repeats INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, state_time REAL,
    next_time REAL, next_state TEXT, last_time REAL, last_state TEXT
);
CREATE UNIQUE INDEX one_client_id ON messages (account, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX due ON messages (next_time) WHERE next_time IS NOT NULL;
CREATE TABLE requests (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, path TEXT NOT NULL, status INTEGER, phones INTEGER NOT NULL,
    accepted INTEGER NOT NULL, repeated INTEGER NOT NULL, refused INTEGER NOT NULL, error TEXT, fault TEXT,
    client_ids TEXT NOT NULL
);
CREATE INDEX asked ON requests (path, number);
CREATE TABLE pushes (
    number INTEGER PRIMARY KEY, id_sms INTEGER NOT NULL, time REAL NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, result TEXT NOT NULL DEFAULT 'waiting', due REAL NOT NULL DEFAULT 0
);
CREATE INDEX waiting ON pushes (due) WHERE result = 'waiting';
"""
_MESSAGE_FIELDS: Final = (
    "id_sms, client_id, request, phone, sender, channel, text, parts, price, validity, time, repeats, state, state_time"
)
_DUE: Final = "next_time IS NOT NULL AND next_time <= ?"
_PUSH_DUE: Final = "INSERT INTO pushes (id_sms, time, state) SELECT id_sms, next_time, next_state FROM messages"
_MOVE_DUE: Final = (
    "UPDATE messages SET state = next_state, state_time = next_time, next_state = last_state,"
    " next_time = last_time, last_state = NULL, last_time = NULL"
)
_GREATEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NewMessage:
    """
    A message about to be stored.

    :param id_sms: Its number, from :meth:`Ledger.take_id`.
    :param client_id: Its ``client_id_sms``, or None.
    :param phone: The phone.
    :param sender: The sender.
    :param channel: ``sms`` or ``viber``.
    :param text: The text.
    :param parts: How many parts it takes.
    :param price: The price of one part, in kopecks.
    :param validity: Its ``validity_period`` as it was given, or None.
    :param time: When it was accepted, in seconds since the epoch.
    :param way: The states to come.
    """

    id_sms: int
    client_id: str | None
    phone: str
    sender: str
    channel: str
    text: str
    parts: int
    price: int
    validity: str | None
    time: float
    way: Way


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """
    What the ledger keeps of a request; credentials are no part of it.

    :param time: When it was processed, in seconds since the epoch.
    :param path: The path of the call.
    :param status: The HTTP status of the answer, or None where none was given.
    :param phones: How many messages it held or asked about; 0 where it could not be read.
    :param accepted: How many of them were taken for the first time.
    :param repeated: How many were known already.
    :param refused: How many were refused.
    :param error: The code with which the whole request was refused, or None.
    :param fault: The kind of fault that hit it, or None.
    :param client_ids: The ``client_id_sms`` of each of its messages, None where there was none.
    """

    time: float
    path: str
    status: int | None
    phones: int
    accepted: int
    repeated: int
    refused: int
    error: str | None
    fault: str | None
    client_ids: list[str | None]


class Ledger:
    """
    The one connection to the database. Use it from one thread at a time.

    :param path: The file, created with access for its owner alone; None for a temporary one that goes with
        the connection.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None and not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._db = sqlite3.connect(path or "", isolation_level=None, check_same_thread=False, timeout=1)
        self._db.row_factory = sqlite3.Row
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        # Two sandboxes on one file would give the same ids twice.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.executescript("BEGIN EXCLUSIVE; COMMIT;")
        version = self._one("PRAGMA user_version")
        if version not in (0, _VERSION) or (version == 0 and self._one("SELECT count(*) FROM sqlite_master")):
            raise sqlite3.DatabaseError("it was not made by this version of the sandbox")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        self._next_id = (self._one("SELECT max(seq) FROM sqlite_sequence") or FIRST_ID - 1) + 1
        self.spent: int = self._one("SELECT coalesce(sum(parts * price), 0) FROM messages")

    def _one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._db.execute(sql, values).fetchone()[0]

    def close(self) -> None:
        """Close the database; a temporary one is gone."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that is written inside, or nothing of it; one inside another is a part of it."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        before = self.spent, self._next_id
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self.spent, self._next_id = before
            raise
        self._db.execute("COMMIT")

    # Sending

    def take_id(self) -> int:
        """Return the next ``id_sms``; none is ever given twice, even after a clear."""
        self._next_id += 1
        return self._next_id - 1

    def known_ids(self, client_ids: Sequence[str]) -> dict[str, int]:
        """
        Return the ``id_sms`` of each client id that was sent before.

        :param client_ids: The client ids in question.
        """
        known: dict[str, int] = {}
        for start in range(0, len(client_ids), _MOST_VARIABLES):
            some = client_ids[start : start + _MOST_VARIABLES]
            marks = ",".join("?" * len(some))
            sql = f"SELECT client_id, id_sms FROM messages WHERE account = ? AND client_id IN ({marks})"  # noqa: S608
            known.update((row[0], row[1]) for row in self._db.execute(sql, (ACCOUNT, *some)))
        return known

    def add_messages(self, messages: Sequence[NewMessage]) -> None:
        """
        Store new messages under the number that the next request will get.

        :param messages: The messages, with their ids.
        """
        request = self._one("SELECT coalesce(max(number), 0) + 1 FROM requests")
        rows = [_message_row(message, request) for message in messages]
        self.spent += sum(message.parts * message.price for message in messages)
        marks = ",".join("?" * 19)
        self._db.executemany(
            "INSERT INTO messages (id_sms, account, client_id, request, phone, sender, channel, text, folded,"  # noqa: S608
            " parts, price, validity, time, state, state_time, next_time, next_state, last_time, last_state)"
            f" VALUES ({marks})",
            rows,
        )

    def count_repeats(self, ids: Iterable[int]) -> None:
        """
        Note that messages came once more.

        :param ids: Their ids, each as often as it came.
        """
        sql = "UPDATE messages SET repeats = repeats + 1 WHERE id_sms = ?"
        self._db.executemany(sql, [(id_sms,) for id_sms in ids])

    def add_request(self, facts: RequestFacts) -> None:
        """
        Store what is kept of a request.

        :param facts: The facts.
        """
        self._db.execute(
            "INSERT INTO requests (time, path, status, phones, accepted, repeated, refused, error, fault,"
            " client_ids) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                *(facts.time, facts.path, facts.status, facts.phones, facts.accepted, facts.repeated),
                *(facts.refused, facts.error, facts.fault, json.dumps(facts.client_ids)),
            ),
        )

    # States

    def move(self, now: float, *, pushed: bool) -> int:
        """
        Let the messages whose time has come change their states, and return how many changes there were.

        :param now: What the sandbox's clock shows.
        :param pushed: Whether the changes wait for the webhook.
        """
        changes = 0
        while self._one(f"SELECT EXISTS (SELECT 1 FROM messages WHERE {_DUE})", (now,)):  # noqa: S608
            with self.transaction():
                if pushed:
                    self._db.execute(f"{_PUSH_DUE} WHERE {_DUE} ORDER BY next_time, id_sms", (now,))
                changes += self._db.execute(f"{_MOVE_DUE} WHERE {_DUE}", (now,)).rowcount
        return changes

    # Reading

    def messages(
        self, *, limit: int, offset: int = 0, phone: str = "", query: str = ""
    ) -> tuple[int, list[dict[str, Any]]]:
        """
        Return how many messages match, and the newest of them.

        :param limit: How many to return at most.
        :param offset: How many of the newest to leave out.
        :param phone: A part of the phone.
        :param query: A part of the text, the sender or the phone, in any case of letters.
        """
        tests, values = ["1"], []
        if phone:
            tests.append("instr(phone, ?)")
            values.append(phone)
        if query:
            tests.append("(instr(folded, ?) OR instr(phone, ?))")
            values += [query.casefold(), query]
        found = f"FROM messages WHERE {' AND '.join(tests)}"
        total = self._one(f"SELECT count(*) {found}", values)
        sql = f"SELECT {_MESSAGE_FIELDS} {found} ORDER BY id_sms DESC LIMIT ? OFFSET ?"
        return total, [_shown_message(row) for row in self._db.execute(sql, (*values, limit, offset))]

    def message(self, id_sms: int) -> dict[str, Any] | None:
        """
        Return one message, or None.

        :param id_sms: Its id.
        """
        sql = f"SELECT {_MESSAGE_FIELDS} FROM messages WHERE id_sms = ?"  # noqa: S608
        row = self._db.execute(sql, (id_sms,)).fetchone() if id_sms <= _GREATEST_ID else None
        return _shown_message(row) if row else None

    def requests(self, *, path: str, limit: int, offset: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """
        Return how many requests a path got, and the newest of them.

        :param path: The path of the call.
        :param limit: How many to return at most.
        :param offset: How many of the newest to leave out.
        """
        total = self._one("SELECT count(*) FROM requests WHERE path = ?", (path,))
        sql = "SELECT * FROM requests WHERE path = ? ORDER BY number DESC LIMIT ? OFFSET ?"
        rows = self._db.execute(sql, (path, limit, offset))
        return total, [
            {**dict(row), "time": account_time(row["time"]), "client_ids": json.loads(row["client_ids"])}
            for row in rows
        ]

    def summary(self) -> dict[str, Any]:
        """Return the counts of the ledger."""
        states = self._db.execute("SELECT state, count(*) FROM messages GROUP BY state ORDER BY state")
        sums = self._db.execute("SELECT count(*), coalesce(sum(repeats), 0) FROM messages").fetchone()
        refused = self._db.execute("SELECT count(*), coalesce(sum(refused), 0) FROM requests").fetchone()
        pushes = self._db.execute("SELECT result, count(*) FROM pushes GROUP BY result ORDER BY result")
        return {
            "messages": sums[0],
            "repeats": sums[1],
            "requests": refused[0],
            "refused": refused[1],
            "states": {row[0]: row[1] for row in states},
            "webhook": {row[0]: row[1] for row in pushes},
        }

    def clear(self) -> int:
        """Forget every message and every request, and return how many messages there were."""
        with self.transaction():
            count = self._db.execute("DELETE FROM messages").rowcount
            self._db.execute("DELETE FROM requests")
            self._db.execute("DELETE FROM pushes")
            self.spent = 0
        return count

    # The webhook

    def waiting_pushes(self, now: float, limit: int) -> list[sqlite3.Row]:
        """
        Return the changes of state to be posted now, the oldest first.

        :param now: The time, by the same clock as :meth:`settle_pushes`.
        :param limit: How many to return at most.
        """
        sql = "SELECT * FROM pushes WHERE result = 'waiting' AND due <= ? ORDER BY number LIMIT ?"
        return self._db.execute(sql, (now, limit)).fetchall()

    def settle_pushes(self, tried: Iterable[tuple[int, bool]], *, most: int, again: float) -> None:
        """
        Note how a try of the webhook went.

        :param tried: The number of each push, and whether the receiver took it.
        :param most: After how many tries a push is given up.
        :param again: When the others are to be tried again.
        """
        with self.transaction():
            self._db.executemany(
                "UPDATE pushes SET tries = tries + 1, due = :again, result = CASE WHEN :taken THEN 'taken'"
                " WHEN tries + 1 >= :most THEN 'given_up' ELSE 'waiting' END WHERE number = :number",
                [{"number": n, "taken": taken, "most": most, "again": again} for n, taken in tried],
            )


def _message_row(message: NewMessage, request: int) -> tuple[Any, ...]:
    coming = [part for step in message.way for part in step]
    return (
        *(message.id_sms, ACCOUNT, message.client_id, request, message.phone, message.sender, message.channel),
        *(message.text, f"{message.text}\n{message.sender}".casefold(), message.parts, message.price),
        *(message.validity, message.time, SENT, None),
        *(coming + [None] * (4 - len(coming))),
    )


def _shown_message(row: sqlite3.Row) -> dict[str, Any]:
    shown = dict(row)
    shown["client_id_sms"] = shown.pop("client_id")
    shown["price"] = show_money(shown["price"])
    shown["time"], shown["state_time"] = account_time(row["time"]), account_time(row["state_time"])
    return shown
