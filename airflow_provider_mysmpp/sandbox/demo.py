"""
Run the example DAG in a throwaway Airflow, against a sandbox of its own: ``make demo``.

Everything happens in a temporary folder and on a free loopback port. Whatever was started is ended and whatever was
written is removed when the demo ends, also by Ctrl-C; only the logs of a run that failed stay.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.request import ProxyHandler, build_opener

from airflow_provider_mysmpp.sandbox.demo_shop import CUSTOMERS, differences, make_customers, show
from airflow_provider_mysmpp.sandbox.rules import ACCOUNT

EXAMPLE: Final = Path(__file__).parents[2] / "example_dags" / "mysmpp_from_sql.py"
SANDBOX: Final = (sys.executable, "-m", "airflow_provider_mysmpp.sandbox", "--port", "0", "--quiet")
AIRFLOW: Final = (sys.executable, "-m", "airflow")

_PATIENCE: Final = 600.0
_LOOK_UP: Final = 0.1
_SECONDS_A_DOT: Final = 2.0
_GRACE: Final = 10.0
_TAIL: Final = 40
_SHELL_SIGNAL: Final = 128

# The example as it is, and a task beside it that keeps its results: XComs have no command to read them with.
_DAG_FILE: Final = '''"""The example DAG, with one more task that keeps its results for the demo to show."""

import json
from pathlib import Path

from airflow.providers.common.compat.sdk import task
from mysmpp_from_sql import send

dag = send.dag

with dag:

    @task(trigger_rule="all_done")
    def keep(mapping, failed, summary, run_id=None):
        """Write the results to a file."""
        results = {{"mapping": mapping, "failed": failed, "summary": summary, "run_id": run_id}}
        Path({results!r}).write_text(json.dumps(results), encoding="utf-8")

    keep(send.output, send.output["failed"], send.output["summary"])
'''


class DemoError(Exception):
    """The demo can't go on, or does not add up."""


class InterruptedDemoError(Exception):
    """
    Somebody ended the demo.

    :param number: By which signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """Remember a signal, and raise it where the demo waits: never while something is half started or half ended."""

    def __init__(self) -> None:
        self._taken: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    def _take(self, number: int, _: FrameType | None) -> None:
        self._taken = number

    def wait(self, done: Callable[[], bool], *, patience: float, dots: bool = False) -> None:
        """
        Return when ``done`` does so.

        :param done: What is waited for.
        :param patience: Seconds to wait.
        :param dots: Whether to print a dot now and then, for somebody who waits too.
        :raises InterruptedDemoError: A signal came.
        :raises DemoError: It took too long.
        """
        deadline = time.monotonic() + patience
        next_dot = time.monotonic() + _SECONDS_A_DOT
        while not done():
            if self._taken is not None:
                raise InterruptedDemoError(self._taken)
            if time.monotonic() > deadline:
                raise DemoError(f"no end after {patience:.0f} s")
            if dots and time.monotonic() > next_dot:
                next_dot += _SECONDS_A_DOT
                print(".", end="", flush=True)
            time.sleep(_LOOK_UP)


@contextmanager
def started(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """
    Give a program in a process group of its own, which is ended with the block.

    :param command: The program and its arguments.
    :param log: The file that its output is added to.
    :param environment: Its environment.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):  # the second also ends what the program left behind
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)


class Demo:
    """
    One run of the demo.

    :param folder: The temporary folder for everything that is written.
    :param signals: What may end it early.
    """

    def __init__(self, folder: Path, signals: Signals) -> None:
        self._folder = folder
        self._signals = signals
        self._opener = build_opener(ProxyHandler({}))  # a proxy of the environment leads nowhere near this machine
        self._log = folder / "airflow.log"

    def run(self, *, keep: bool) -> None:
        """
        Run the example and show what came of it.

        :param keep: Leave the sandbox running until a signal comes.
        :raises DemoError: Something failed or does not add up.
        """
        print(f"{CUSTOMERS} customers, one DAG, and a gateway on this machine: nothing is sent to anybody.\n")
        with started(SANDBOX, log=self._folder / "sandbox.log", environment=_environment()) as sandbox:
            with _step("Starting the sandbox gateway") as tell:
                url = self._url_of(sandbox)
                tell(url)
            with _step("Making a SQLite database of customers") as tell:
                phones = make_customers(self._folder / "shop.sqlite")
                tell(f"{len(phones)} rows")
            environment = self._set_up_airflow(url)
            with _step(f"airflow dags test {EXAMPLE.stem}"):
                self._airflow("dags", "test", EXAMPLE.stem, environment=environment)
            results, inbox = self._results(), self._inbox(url)
            show(results, inbox, phones)
            if wrong := differences(results, inbox):
                raise DemoError("the results are not what they should be:\n- " + "\n- ".join(wrong))
            print(f"\nThe mapping and the inbox agree: each of {len(inbox)} phones was texted once.\n")
            with _step("The task once more in the same run, as after a kill or a clear") as tell:
                tell(self._repeat(url, results["run_id"], environment))
            if keep:
                print(f"\nThe inbox stays open on {url} until Ctrl-C.", flush=True)
                self._keep_open(sandbox)
            else:
                print("\nNext: make demo KEEP=1 leaves the inbox open for a browser; docs/index.md has the rest.")

    def _url_of(self, sandbox: subprocess.Popen[bytes]) -> str:
        log = self._folder / "sandbox.log"

        def find() -> re.Match[str] | None:
            return re.search(r" on (http://\S+) .*\n", log.read_text(encoding="utf-8"))

        self._signals.wait(lambda: find() is not None or sandbox.poll() is not None, patience=_PATIENCE)
        if (line := find()) is None:
            raise DemoError(f"the sandbox did not start:\n{_tail(log)}")
        return line[1]

    def _set_up_airflow(self, url: str) -> dict[str, str]:
        """Make an Airflow with the DAG in it, and return its environment."""
        home, dags = self._folder / "airflow", self._folder / "dags"
        dags.mkdir()
        file = _DAG_FILE.format(results=str(self._folder / "results.json"))
        (dags / "demo.py").write_text(file, encoding="utf-8")
        environment = _environment(
            AIRFLOW_HOME=str(home),
            AIRFLOW__CORE__DAGS_FOLDER=str(dags),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS="False",
            AIRFLOW_CONN_MYSMPP_DEFAULT=_gateway_connection(url),
            AIRFLOW_CONN_SHOP=json.dumps({"conn_type": "sqlite", "host": str(self._folder / "shop.sqlite")}),
            PYTHONPATH=str(EXAMPLE.parent),
        )
        with _step(f"Setting up an empty Airflow {version('apache-airflow')}"):
            self._airflow("db", "migrate", environment=environment)
        return environment

    def _repeat(self, url: str, run_id: str, environment: Mapping[str, str]) -> str:
        """Run the task again, which must text nobody, and return what came of it."""
        before = self._ask(url, "/api/summary")
        self._airflow("tasks", "test", EXAMPLE.stem, "send", run_id, environment=environment)
        after = self._ask(url, "/api/summary")
        texted, repeated = (after[name] - before[name] for name in ("messages", "repeats"))
        if texted or repeated != before["messages"]:
            raise DemoError(f"the task texted {texted} phones again, and repeated {repeated} messages")
        return f"{repeated} messages repeated, {texted} phones texted again"

    def _airflow(self, *arguments: str, environment: Mapping[str, str]) -> None:
        with started((*AIRFLOW, *arguments), log=self._log, environment=environment) as process:
            self._signals.wait(lambda: process.poll() is not None, patience=_PATIENCE, dots=True)
        if process.returncode:
            words = f"airflow {' '.join(arguments)} failed (status {process.returncode}); the end of its log:"
            raise DemoError(f"{words}\n\n{_tail(self._log)}")

    def _results(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._folder / "results.json").read_bytes())
        except OSError:
            raise DemoError(f"the DAG left no results; the end of its log:\n\n{_tail(self._log)}") from None
        return found

    def _inbox(self, url: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self._ask(url, "/api/messages?limit=10000")["messages"]
        return messages

    def _ask(self, url: str, path: str) -> Any:
        with self._opener.open(url + path, timeout=_GRACE) as answer:
            return json.load(answer)

    def _keep_open(self, sandbox: subprocess.Popen[bytes]) -> None:
        try:
            self._signals.wait(lambda: sandbox.poll() is not None, patience=float("inf"))
        except InterruptedDemoError:
            return  # that is how it is meant to end
        raise DemoError(f"the sandbox ended by itself:\n{_tail(self._folder / 'sandbox.log')}")


@contextmanager
def _step(words: str) -> Iterator[Callable[[str], None]]:
    """Print what is done, and how long it took or what came of it."""
    told: list[str] = []
    started_at = time.monotonic()
    print(f"{words} …", end="", flush=True)
    try:
        yield told.append
    except BaseException:
        print(" stopped", flush=True)
        raise
    print(f" {told[-1] if told else f'{time.monotonic() - started_at:.0f} s'}", flush=True)


def _environment(**variables: str) -> dict[str, str]:
    """Return this environment without its Airflow settings, which are for another Airflow, and with variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    own_machine = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {**inherited, **own_machine, "PYTHONUTF8": "1", **variables}


def _gateway_connection(url: str) -> str:
    return json.dumps(
        {
            "conn_type": "mysmpp",
            "host": url,
            "login": ACCOUNT,
            "password": ACCOUNT,
            "extra": {"sender": "SANDBOX"},
        }
    )


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL:])


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the demo and return the exit status.

    :param arguments: The command line without the program's name; None for the real one.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_mysmpp.sandbox.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running until Ctrl-C")
    given = parser.parse_args(arguments)
    if not EXAMPLE.exists():
        print("error: the demo runs from a clone of the repository, which has the example DAGs", file=sys.stderr)
        return 1
    signals = Signals()
    folder = Path(tempfile.mkdtemp(prefix="mysmpp-demo-"))
    failed = False
    try:
        Demo(folder, signals).run(keep=given.keep)
    except DemoError as error:
        failed = True
        print(f"\nerror: {error}\n\nThe logs are kept in {folder}", file=sys.stderr)
    except InterruptedDemoError as interrupted:
        print(f"\nEnded by {interrupted}; nothing is left behind.", file=sys.stderr)
        return _SHELL_SIGNAL + interrupted.number
    finally:
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
