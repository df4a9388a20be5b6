"""Write the results of a send to a file: every row, in the order of the input, in blocks."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import IO, Final

from msgspec.json import Encoder

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.sending.outcomes import Result

SUFFIXES: Final = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
"""What the name of a results file may end with; it chooses the format."""

_GZIP_LEVEL: Final = 1  # a mapping is digits, which a higher level hardly packs better but much slower
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS  # no time and no name within: the same results make the same file

_encode_lines: Final = Encoder().encode_lines


def check_suffix(name: str) -> None:
    """
    Refuse a results file whose name chooses no format.

    :param name: The name or path of the file.
    :raises ConfigurationError: It ends with none of :data:`SUFFIXES`.
    """
    if not name.endswith(SUFFIXES):
        raise ConfigurationError(f"results_path is {name!r}; let it end with {', '.join(SUFFIXES)}")


class ResultsWriter:
    """
    Write results to an open file, block after block.

    :param file: Where to, open for bytes; it stays open.
    :param name: The name of the file, which chooses the format.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT) if name.endswith(".gz") else None
        self._encode = _as_jsonl if ".jsonl" in name[-len(".jsonl.gz") :] else _as_csv
        if self._encode is _as_csv:
            self._put(_as_csv([Result._fields]))

    def write(self, block: Sequence[Result]) -> None:
        """
        Write some rows.

        :param block: The next rows.
        """
        self._put(self._encode(block))

    def end(self) -> None:
        """Write what a packed file ends with."""
        if self._packer is not None:
            self._file.write(self._packer.flush())

    def _put(self, content: bytes) -> None:
        self._file.write(content if self._packer is None else self._packer.compress(content))


def _as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    # Lines end as RFC 4180 has it: with a shorter end, a carriage return in a cell would not be quoted.
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _as_jsonl(rows: Iterable[Result]) -> bytes:
    return _encode_lines([row._asdict() for row in rows])
