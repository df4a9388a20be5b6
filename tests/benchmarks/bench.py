"""Run measurements in processes of their own, against a gateway that is never the bottleneck."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.worker import Measured, row_of

ROOT = Path(__file__).parent.parent.parent
LONGEST = 1_000_000


class Bench:
    """
    A gateway, a database with a million recipients, and what was measured against them.

    :param folder: A folder that is removed afterwards.
    :param url: The gateway's address.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.database = str(folder / "recipients.db")
        self._url = url
        self._environment = {**os.environ, "AIRFLOW_HOME": str(folder / "airflow")}
        self._taken: dict[str, list[Measured]] = defaultdict(list)

    def url(self, latency: int) -> str:
        """Return the address that answers after a latency in milliseconds."""
        return f"{self._url}/{latency}"

    def take(self, name: str, case: str, **arguments: Any) -> None:
        """
        Take a measurement.

        :param name: What it is kept under; a name may be measured in every round.
        :param case: A case of the worker.
        :param arguments: Its arguments.
        """
        started = time.monotonic()
        done = self._python("-m", "tests.benchmarks.worker", case, json.dumps(arguments))
        self._taken[name].append(json.loads(done.splitlines()[-1]))
        print(f"  {name:<44} {time.monotonic() - started:6.1f} s", file=sys.stderr, flush=True)

    def time_import(self, name: str, statement: str) -> None:
        """Measure how long a whole process takes that only imports something."""
        started = time.perf_counter()
        self._python("-c", statement)
        self._taken[name].append({"seconds": time.perf_counter() - started})

    def median(self, name: str, figure: str) -> float:
        """Return the median of a figure over all rounds."""
        return statistics.median(measured[figure] for measured in self._taken[name])

    def rate(self, name: str, messages: int) -> float:
        """Return the messages a second of a measurement."""
        return messages / self.median(name, "seconds")

    def ratio(self, figure: str, of: str, to: str) -> float:
        """Return the median of the ratios within each round, which a busy machine disturbs less than their parts."""
        pairs = zip(self._taken[of], self._taken[to], strict=True)
        return statistics.median(first[figure] / second[figure] for first, second in pairs)

    def _python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stderr[-2000:]}")
        return done.stdout


@contextmanager
def running() -> Iterator[Bench]:
    """Start the gateway and make the database; end and remove both."""
    with tempfile.TemporaryDirectory(prefix="mysmpp-bench-") as name:
        folder = Path(name)
        _make_database(folder / "recipients.db")
        gateway = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.gateway"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert gateway.stdin is not None
        assert gateway.stdout is not None
        try:
            yield Bench(folder, f"http://127.0.0.1:{int(gateway.stdout.readline())}")
        finally:
            gateway.stdin.close()  # which ends it
            gateway.wait(timeout=10)
            gateway.stdout.close()


def _make_database(path: Path) -> None:
    print(f"  making {LONGEST:,} recipients", file=sys.stderr, flush=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE recipients (phone TEXT, text TEXT)")
        database.executemany("INSERT INTO recipients VALUES (?, ?)", map(row_of, range(LONGEST)))
    database.close()


def interleaved(rounds: int, measurements: list[Callable[[], None]]) -> None:
    """Take every measurement once a round, so that a slow minute of the machine hits them all."""
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        for measurement in measurements:
            measurement()
