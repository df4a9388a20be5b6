"""What several tests use."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from typing import IO, Any, Final, NoReturn

import pytest

from airflow_provider_mysmpp.sending.outcomes import Result
from airflow_provider_mysmpp.sending.results import ResultsWriter

AIRFLOW: Final = tuple(map(int, version("apache-airflow").split(".")[:2]))
"""The version that is installed. A test is for it or not, whichever of its modules can be found."""

CI_VARIABLE = "MYSMPP_TESTS_NEED_SERVICES"
"""Set by the CI run: a service that is not there fails a test instead of skipping it."""


def missing(what: str) -> NoReturn:
    """
    Skip a test that can't run here, or fail it where everything must be there.

    :param what: What is missing, in words that say what to do about it.
    """
    if os.environ.get(CI_VARIABLE):
        pytest.fail(f"{what} ({CI_VARIABLE} is set, so that counts as a failure)")
    pytest.skip(what)


def need_module(name: str) -> Any:
    """
    Return a module that not every machine has.

    :param name: Its name.
    """
    try:
        return import_module(name)
    except ImportError:
        missing(f"{name} is not installed; install it to run this test")


def need_port(port: int, service: str) -> None:
    """
    Go on only where a service listens on this machine.

    :param port: Its usual port.
    :param service: Its name.
    """
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        missing(f"{service} does not listen on 127.0.0.1:{port}; start one to run this test")


def write_results(results: Iterable[Result], file: IO[bytes], name: str) -> None:
    """
    Write a whole results file at once.

    :param results: The rows, in order.
    :param file: Where to, open for bytes; it stays open.
    :param name: The name of the file, which chooses the format.
    """
    rows, writer = iter(results), ResultsWriter(file, name)
    try:
        while block := list(islice(rows, 1_000)):
            writer.write(block)
    finally:
        writer.end()


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = 60) -> None:
    """
    Wait for something, and fail where it does not come.

    :param condition: Returns something true as soon as it is there.
    :param what: What it is, in words.
    :param seconds: How long to wait at most.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: nothing of it in {seconds:.0f} seconds"
        time.sleep(0.02)


def senders() -> list[threading.Thread]:
    """Return the threads of sends that run. One that an interruption kept from starting is known, but never will."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("mysmpp_") and thread.is_alive()]


class Written:
    """
    What was logged and printed so far. Airflow 3 writes an operator's own log past the logging of Python.

    :param caplog: What was logged.
    :param capfd: What went to stdout and stderr.
    """

    OWN_WORDS: Final = "words of the operator's own log"

    def __init__(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        self._caplog = caplog
        self._capfd = capfd
        self._printed = ""

    @property
    def text(self) -> str:
        """All of it."""
        self._printed += "".join(self._capfd.readouterr())
        return self._caplog.text + self._printed

    def with_the_log_of(self, operator: Any) -> str:
        """
        Return all of it, and fail where the log of an operator is not among it.

        :param operator: The operator.
        """
        operator.log.info(self.OWN_WORDS)
        text = self.text
        assert self.OWN_WORDS in text, "the operator's own log is not seen"
        return text
