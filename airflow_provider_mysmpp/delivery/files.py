"""Files of messages: the results of a send are read, and what became of its messages is written."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import IO, Any, Final

from airflow_provider_mysmpp.delivery.messages import Sent, sent_of
from airflow_provider_mysmpp.gateway.errors import ConfigurationError

KEPT: Final = ("phone", "key", "client_id_sms", "id_sms")
"""The columns of the results of a send that make the mapping."""

COLUMNS: Final = (*KEPT, "state", "changed_at", "parts", "price")
"""The columns of a file that says what became of messages."""


def read_sent(file: IO[bytes], name: str) -> Iterator[Sent]:
    """
    Yield the accepted messages of a file with the results of a send.

    :param file: The file, open for bytes.
    :param name: Its name, which tells the format.
    :raises ConfigurationError: It holds something else.
    """
    try:
        with _as_text(file, "rb", packed=name.endswith(".gz")) as text:
            for row in _lines(text) if ".jsonl" in name[-len(".jsonl.gz") :] else csv.DictReader(text):
                entry = {column: row[column] or None for column in KEPT if column in row}
                yield from sent_of(entry, _parts(row.get("parts")))
    except (EOFError, UnicodeDecodeError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise ConfigurationError(f"The file {name} is broken ({type(error).__name__})") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"The file {name}: {error}") from None


def write_rows(rows: Iterable[Mapping[str, Any]], file: IO[bytes], name: str) -> None:
    """
    Write what became of messages.

    :param rows: A mapping for each message; what is not in :data:`COLUMNS` is left out.
    :param file: Where to, open for bytes; it stays open.
    :param name: The name of the file, which chooses the format.
    """
    with _as_text(file, "wb", packed=name.endswith(".gz")) as text:
        if ".jsonl" in name[-len(".jsonl.gz") :]:
            for row in rows:
                shown = {column: row.get(column) for column in COLUMNS}
                text.write(json.dumps(shown, ensure_ascii=False, separators=(",", ":")) + "\n")
        else:
            # With quotes around all text: a lone carriage return in a key would end the line otherwise.
            writer = csv.DictWriter(
                text, COLUMNS, extrasaction="ignore", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
            )
            writer.writeheader()
            writer.writerows(rows)


@contextmanager
def _as_text(file: IO[bytes], mode: str, *, packed: bool) -> Iterator[TextIOWrapper]:
    """Give a text file over a file of bytes, which stays open."""
    # No time and no name within: the same rows make the same file.
    packer = gzip.GzipFile(fileobj=file, mode=mode, compresslevel=1, mtime=0, filename="") if packed else None
    text = TextIOWrapper(packer or file, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()  # flushes
        if packer is not None:
            packer.close()


def _lines(text: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text, start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise ConfigurationError(f"line {number} is no JSON object")
        yield row


def _parts(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else None
