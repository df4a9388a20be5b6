"""
The checked list of messages and what became of each, in order, in a private temporary database on disk.

The database has no name: SQLite makes its file with mode 0600, removes it from the folder at once, and the system
frees it when the task's process ends, however it ends. Only pages that do not fit the cache are written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple, Self, TypeAlias

from msgspec.msgpack import Decoder, Encoder

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import UNKNOWN, CollisionError, InvalidMessageError, MySmppError
from airflow_provider_mysmpp.gateway.privacy import mask_numbers
from airflow_provider_mysmpp.sending.composer import Composer, as_values
from airflow_provider_mysmpp.sending.identity import canonical_key
from airflow_provider_mysmpp.sending.outcomes import FAILED, Outcome, Result, Status
from airflow_provider_mysmpp.sending.texts import count_parts

_BLOCK: Final = 1_000
_LONGEST_BAD_PHONE: Final = 40
_LAST_ROW: Final = 2**63 - 1  # that SQLite can number

# The books are tables. What is only read once more, to be sent, is packed by the block: a message costs a third then.
_SCHEMA: Final = """
CREATE TABLE recipient (
    row INTEGER PRIMARY KEY, phone TEXT NOT NULL, key TEXT, client_id_sms TEXT, parts INTEGER
);
CREATE TABLE outcome (
    row INTEGER PRIMARY KEY, status TEXT NOT NULL, id_sms TEXT UNIQUE, code TEXT, error TEXT
);
CREATE TABLE block (
    first_row INTEGER PRIMARY KEY, messages BLOB NOT NULL
);
CREATE VIEW result AS
    SELECT row, phone, key, client_id_sms, id_sms, status, code, error, parts
    FROM outcome CROSS JOIN recipient USING (row);
"""
_PRAGMAS: Final = ("cache_size = -4096", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE")

_INSERT_RECIPIENTS: Final = "INSERT INTO recipient VALUES "
_INSERT_OUTCOMES: Final = "INSERT OR IGNORE INTO outcome VALUES "
_FIELDS: Final = "(?, ?, ?, ?, ?)"
_SETTLED: Final = "SELECT row FROM outcome WHERE row >= ? AND row < ?"
_COUNT_SETTLED: Final = "SELECT count(*) FROM outcome WHERE row >= ? AND row < ?"
_NO_TRUST: Final = "the gateway gave one id_sms to several messages; to this one it gave "

# The first message with an identity is sent. The same identity for another phone was not meant.
_SETTLE_REPEATED: Final = """
INSERT INTO outcome
SELECT later.row,
    iif(later.phone = first.phone, 'duplicate', 'invalid'),
    NULL,
    iif(later.phone = first.phone, 'duplicate', 'client_id_sms'),
    iif(later.phone = first.phone,
        'the same phone and key as row ' || first.row || '; to send both, give each its own key',
        'the same client_id_sms as row ' || first.row || ' but another phone; give each its own')
FROM (
    SELECT client_id_sms, min(row) AS row FROM recipient WHERE client_id_sms IS NOT NULL
    GROUP BY client_id_sms HAVING count(*) > 1
) AS repeated
JOIN recipient AS first ON first.row = repeated.row
JOIN recipient AS later ON later.client_id_sms = repeated.client_id_sms AND later.row > repeated.row
"""

_pack: Final = Encoder().encode
_unpack: Final = Decoder(list[Message]).decode

_Recipient: TypeAlias = tuple[int, str, str | None, str | None, int | None]
_Record: TypeAlias = tuple[int, str, str | None, str | None, str | None]


class Totals(NamedTuple):
    """
    What a plan holds.

    :param rows: Rows read.
    :param messages: Messages to send.
    :param parts: The parts that these probably take.
    """

    rows: int
    messages: int
    parts: int


class Reason(NamedTuple):
    """
    Why some recipients failed.

    :param status: How it ended for them.
    :param code: The name of the error.
    :param error: The error in words.
    :param rows: How many they are.
    :param first_row: The number of the first of them.
    :param first_phone: Its phone.
    """

    status: str
    code: str | None
    error: str | None
    rows: int
    first_row: int
    first_phone: str


class Plan:
    """
    Hold every row of a send, give its messages out in batches, and take in what became of them.

    Not for several threads. A row has at most one outcome, which the database enforces; :meth:`finish` gives one to the
    rows that have none.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for pragma in _PRAGMAS:
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")  # never committed: nobody else reads it, and nothing of it stays
        self._rows_a_statement = min(
            _BLOCK, self._database.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // _FIELDS.count("?")
        )
        self._rows = 0
        self._last_given_out = 0
        self._taken_back: list[tuple[int, int]] = []
        self._collision: CollisionError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @property
    def distrusted(self) -> bool:
        """Whether a collision has changed outcomes that rows had before."""
        return self._collision is not None

    def load(self, rows: Iterable[Any], composer: Composer) -> Totals:
        """
        Read every row once, compose its message and find duplicates.

        :param rows: Mappings, or phones alone.
        :param composer: Makes the message of a row; a row that it refuses ends ``invalid``.
        """
        numbered = enumerate(rows, 1)
        while block := list(islice(numbered, _BLOCK)):
            recipients: list[_Recipient] = []
            messages: list[Message] = []
            refused: list[_Record] = []
            for number, row in block:
                values = as_values(row)
                key = None
                try:
                    key = canonical_key(values.get("key"))
                    message = composer.compose(number, values, key)
                    parts = count_parts(message.text)
                except InvalidMessageError as error:
                    recipients.append((number, _shown(values.get("phone")), key, None, None))
                    refused.append((number, Status.INVALID.value, None, error.code, mask_numbers(error.reason)))
                else:
                    recipients.append((number, message.phone, key, message.client_id_sms, parts))
                    messages.append(message)
            self._insert(_INSERT_RECIPIENTS, recipients)
            self._insert(_INSERT_OUTCOMES, refused)
            self._database.execute("INSERT INTO block VALUES (?, ?)", (block[0][0], _pack(messages)))
        self._database.execute(_SETTLE_REPEATED)
        return self._totals()

    def batches(self, size: int) -> Iterator[list[Message]]:
        """
        Give out the messages that have no outcome yet, in order.

        :param size: Messages a batch, at most.
        """
        waiting: list[Message] = []
        # The cursor stays open while outcomes come in: they belong to blocks that it has passed.
        for first_row, packed in self._database.execute("SELECT first_row, messages FROM block ORDER BY first_row"):
            settled = {row for (row,) in self._database.execute(_SETTLED, (first_row, first_row + _BLOCK))}
            waiting += [message for message in _unpack(packed) if message.row not in settled]
            while len(waiting) >= size:
                yield self._give_out(waiting[:size])
                del waiting[:size]
        if waiting:
            yield self._give_out(waiting)

    def _give_out(self, batch: list[Message]) -> list[Message]:
        self._last_given_out = batch[-1].row
        return batch

    def take_back(self, batch: Sequence[Message]) -> None:
        """
        Take back a batch that was given out and has not left.

        :param batch: The batch as it was given out.
        """
        self._taken_back.append((batch[0].row, batch[-1].row))

    def record(self, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> None:
        """
        Take in what became of some messages.

        :param messages: Messages that were given out.
        :param outcomes: Their outcomes, in the same order.
        :raises CollisionError: An ``id_sms`` was given to two messages, now or before. No message of the plan counts as
            accepted any more, since no answer of such a gateway can be trusted.
        """
        records = [
            (message.row, outcome.status.value, outcome.id_sms, outcome.code, outcome.error)
            for message, outcome in zip(messages, outcomes, strict=True)
        ]
        if self._collision is None and self._insert(_INSERT_OUTCOMES, records) < len(records):
            self._collision = self._collision_in(records)
        if self._collision is not None:
            self._distrust(records)
            raise self._collision

    def _collision_in(self, records: Sequence[_Record]) -> CollisionError | None:
        """Return why some of these could not be taken in; None if they had been before, when a signal came between."""
        left_out = (id_sms for row, _, id_sms, _, _ in records if id_sms and not self._has_outcome(row))
        id_sms = next(left_out, None)
        return None if id_sms is None else CollisionError(id_sms)

    def _distrust(self, records: Sequence[_Record]) -> None:
        self._database.execute(
            "UPDATE outcome SET status = ?, code = ?, error = ? || id_sms, id_sms = NULL WHERE status = ?",
            (Status.UNKNOWN.value, CollisionError.code, _NO_TRUST, Status.ACCEPTED.value),
        )
        self._insert(_INSERT_OUTCOMES, _distrusted(records))

    def _insert(self, statement: str, records: Sequence[Sequence[Any]]) -> int:
        """
        Insert records and return how many were new.

        One statement takes many: ``executemany`` takes a step for each, and each step hands the interpreter over to the
        threads that wait for the gateway, and waits until they hand it back.
        """
        inserted = 0
        for start in range(0, len(records), self._rows_a_statement):
            rows = records[start : start + self._rows_a_statement]
            values = ", ".join([_FIELDS] * len(rows))
            inserted += self._database.execute(statement + values, list(chain.from_iterable(rows))).rowcount
        return inserted

    def _has_outcome(self, row: int) -> bool:
        return self._database.execute("SELECT 1 FROM outcome WHERE row = ?", (row,)).fetchone() is not None

    def finish(self, cause: MySmppError | None, *, maybe_sent: bool = False) -> None:
        """
        Give an outcome to every row that has none: unknown if it was given out and not taken back, else unsent.

        :param cause: Why the send ended before them; None if it ended in order.
        :param maybe_sent: True if an earlier try may have sent some of them: then none of them is called unsent.
        """
        code, words = (cause.code, f"the send stopped before an answer: {cause}") if cause else (UNKNOWN, "no answer")
        if maybe_sent:
            words += "; an earlier try may have sent it"
        unsent = Status.UNKNOWN if maybe_sent else Status.UNSENT
        for first_row, last_row in self._taken_back:
            self._settle_rest(unsent, code, words, first_row, last_row)
        self._settle_rest(Status.UNKNOWN, code, words, 1, self._last_given_out)
        self._settle_rest(unsent, code, words, self._last_given_out + 1, _LAST_ROW)

    def _settle_rest(self, status: Status, code: str, words: str, first_row: int, last_row: int) -> None:
        self._database.execute(
            "INSERT INTO outcome SELECT row, ?, NULL, ?, ? FROM recipient"
            " WHERE row BETWEEN ? AND ? AND row NOT IN (SELECT row FROM outcome)",
            (status.value, code, words, first_row, last_row),
        )

    def counts(self) -> dict[str, int]:
        """Return the number of rows for each status that occurs."""
        return dict(self._database.execute("SELECT status, count(*) FROM outcome GROUP BY status"))

    def parts(self, status: Status) -> int:
        """
        Return the parts that some messages probably take.

        :param status: How it ended for them.
        """
        query = "SELECT coalesce(sum(parts), 0) FROM result WHERE status = ?"
        return int(self._database.execute(query, (status.value,)).fetchone()[0])

    def results(self, *statuses: Status) -> Iterator[Result]:
        """
        Yield the rows and their outcomes in the order of the input.

        :param statuses: Only rows that ended in one of these; none means all.
        """
        wanted = json.dumps(statuses or list(Status))
        cursor = self._database.execute(
            "SELECT * FROM result WHERE status IN (SELECT value FROM json_each(?)) ORDER BY row", (wanted,)
        )
        while block := cursor.fetchmany(_BLOCK):
            yield from map(Result._make, block)

    def settled_block(self, first_row: int) -> list[Result]:
        """
        Return some rows with their outcomes, in order; none as long as one of them has no outcome, or where no row is.

        :param first_row: The number of the first of them.
        """
        size = min(_BLOCK, self._rows - first_row + 1)
        rows = (first_row, first_row + _BLOCK)
        if self._database.execute(_COUNT_SETTLED, rows).fetchone()[0] < size:
            return []
        query = "SELECT * FROM result WHERE row >= ? AND row < ? ORDER BY row"
        return [Result._make(record) for record in self._database.execute(query, rows)]

    def reasons(self, most: int) -> list[Reason]:
        """
        Return the distinct reasons of failures, the most frequent first.

        :param most: How many, at most.
        """
        cursor = self._database.execute(
            "SELECT status, code, error, count(*) AS rows, min(row) AS first_row, phone FROM result"
            " WHERE status IN (SELECT value FROM json_each(?))"
            " GROUP BY status, code, error ORDER BY rows DESC, first_row LIMIT ?",
            (json.dumps(FAILED), most),
        )
        return [Reason._make(record) for record in cursor]

    def _totals(self) -> Totals:
        self._rows = self._database.execute("SELECT count(*) FROM recipient").fetchone()[0]
        to_send = "SELECT count(*), coalesce(sum(parts), 0) FROM recipient WHERE row NOT IN (SELECT row FROM outcome)"
        return Totals(self._rows, *self._database.execute(to_send).fetchone())


def _distrusted(records: Sequence[_Record]) -> list[_Record]:
    """Return the outcomes with nothing accepted; the ids that the gateway gave stay in the words of the error."""
    return [
        (row, Status.UNKNOWN.value, None, CollisionError.code, _NO_TRUST + id_sms) if id_sms is not None else record
        for record in records
        for row, _, id_sms, _, _ in [record]
    ]


def _shown(phone: Any) -> str:
    """Return what results may show, and the database can store, of a phone that is none."""
    try:
        text = "" if phone is None else str(phone)[:_LONGEST_BAD_PHONE]
    except ValueError:  # a number of thousands of digits
        return ""
    return text.encode(errors="replace").decode()
