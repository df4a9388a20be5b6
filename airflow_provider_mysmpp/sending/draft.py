"""The results file as it grows during a send: what is settled is written while the gateway is waited for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO

from airflow_provider_mysmpp.sending.outcomes import Result
from airflow_provider_mysmpp.sending.plan import Plan
from airflow_provider_mysmpp.sending.results import ResultsWriter


class Draft:
    """
    Hold the beginning of a results file, so that at the end of a send only the rest is to be written.

    It lies in private temporary storage (no name, mode 0600), as the plan does. The file's own place sees nothing of it
    before the send is over: until then it is empty, or the one of the try before.

    :param name: The name of the results file, which chooses the format.
    """

    _broken: bool
    _ended: bool

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115  closed by its owner
        self._start()

    def close(self) -> None:
        """Free the storage."""
        self._file.close()

    def advance(self, plan: Plan) -> None:
        """
        Write the next block if all its rows are settled; what goes wrong here is met again, and told, at the end.

        :param plan: The rows and their outcomes so far.
        """
        if not self._broken:
            with suppress(Exception), self._unbroken():
                self._write(plan.settled_block(self._next_row))

    def hand_over(self, plan: Plan, file: IO[bytes]) -> None:
        """
        Write the rest, and copy the whole to its place; both again if they were interrupted.

        :param plan: The rows, each with its outcome.
        :param file: The results file, open for bytes; it stays open.
        :raises OSError: One of both files can't be written.
        """
        if self._broken or plan.distrusted:
            self._start()
        if not self._ended:
            with self._unbroken():
                while block := plan.settled_block(self._next_row):
                    self._write(block)
                self._writer.end()
                self._ended = True
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)

    def _start(self) -> None:
        with self._unbroken():
            self._file.seek(0)
            self._file.truncate()
            self._writer = ResultsWriter(self._file, self._name)
            self._next_row = 1
            self._ended = False

    def _write(self, block: Sequence[Result]) -> None:
        self._writer.write(block)
        self._next_row += len(block)

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """Remember an error, or an exception thrown in, after which nobody knows how much is written."""
        self._broken = True
        yield
        self._broken = False
