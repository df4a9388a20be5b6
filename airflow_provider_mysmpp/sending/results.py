"""Write the results of a send to a file: every row, in the order of the input, in blocks."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from typing import IO, Final

from msgspec.json import Encoder

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.sending.outcomes import Result

SUFFIXES: Final = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
"""What the name of a results file may end with; it chooses the format."""

_BLOCK: Final = 1_000
_GZIP_LEVEL: Final = 1  # a mapping is digits, which a higher level hardly packs better but much slower

_encode_lines: Final = Encoder().encode_lines


def check_suffix(name: str) -> None:
    """
    Refuse a results file whose name chooses no format.

    :param name: The name or path of the file.
    :raises ConfigurationError: It ends with none of :data:`SUFFIXES`.
    """
    if not name.endswith(SUFFIXES):
        raise ConfigurationError(f"results_path is {name!r}; let it end with {', '.join(SUFFIXES)}")


def write_results(results: Iterable[Result], file: IO[bytes], name: str) -> None:
    """
    Write results to an open file.

    :param results: The rows, in order.
    :param file: Where to, open for bytes; it stays open.
    :param name: The name of the file, which chooses the format.
    """
    rows = iter(results)
    with _text_file(file, packed=name.endswith(".gz")) as text:
        if ".jsonl" in name[-len(".jsonl.gz") :]:
            while block := list(islice(rows, _BLOCK)):
                text.write(_encode_lines([result._asdict() for result in block]).decode())
        else:
            # Lines end as RFC 4180 has it: with a shorter end, a carriage return in a cell would not be quoted.
            writer = csv.writer(text)
            writer.writerow(Result._fields)
            writer.writerows(rows)


@contextmanager
def _text_file(file: IO[bytes], *, packed: bool) -> Iterator[IO[str]]:
    """Give a text file over a file of bytes, which is flushed but not closed."""
    # No time and no name within: the same results make the same file.
    packer = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0, filename="") if packed else None
    text = TextIOWrapper(packer or file, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()  # flushes
        if packer is not None:
            packer.close()
