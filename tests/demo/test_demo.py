"""The demo, run as ``make demo`` runs it, and everything that can end it early."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

import psutil
import pytest

from airflow_provider_mysmpp.sandbox import demo, demo_shop

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0
MARK = "MYSMPP_TEST_MARK"


def marked(mark: str) -> list[str]:
    """Return the processes that inherited a mark and still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


class Run:
    """A demo that runs, with what it printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, mark: str) -> None:
        self.process = process
        self.folder = folder
        self.mark = mark
        self._output = folder / "output"

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while words not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def end(self) -> int:
        """Wait for its end, and see that it left nothing behind."""
        status = self.process.wait(PATIENCE)
        assert marked(self.mark) == []
        assert list((self.folder / "temporary").iterdir()) == []
        return status


@contextmanager
def demo_run(folder: Path, *arguments: str) -> Iterator[Run]:
    """Run the demo in an environment that is set up for another Airflow and another network."""
    (folder / "temporary").mkdir()
    mark = uuid4().hex
    environment = {
        **os.environ,
        MARK: mark,
        "TMPDIR": str(folder / "temporary"),
        "AIRFLOW_HOME": "/nonexistent",
        "AIRFLOW__CORE__DAGS_FOLDER": "/nonexistent",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nonexistent/airflow.db",
        "AIRFLOW_CONN_MYSMPP_DEFAULT": "mysmpp://nobody:nothing@nowhere.invalid",
        "http_proxy": "http://127.0.0.1:9",
    }
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow_provider_mysmpp.sandbox.demo", *arguments],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Run(process, folder, mark)
    finally:
        for left in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            left.kill()
        process.kill()
        process.wait()


def test_it_shows_what_was_sent_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo_run(tmp_path) as run:
        assert run.end() == 0, run.output
    assert "300 recipients, 297 accepted, 1 rejected, 2 invalid, 0 duplicate, 0 unknown, 0 unsent" in run.output
    assert re.search(r"A-1002 +8 \(961\) 224-00-02 +79612240002 +\d{16} +700000002\n", run.output)
    assert re.search(r"100 +A-1100 +7961\*+44 +invalid +phone +there is more than one phone", run.output)
    assert re.search(r"150 +A-1150 +7900\*+01 +rejected +stop_list +Phone number is on the stop list\n", run.output)
    assert re.search(r"200 +A-1200 +\S+ +invalid +phone +the phone is in scientific notation", run.output)
    assert re.search(r"700000297 +79612240300 +SANDBOX +\w+, your order A-1300 is ready\.", run.output)
    assert len(run.output.splitlines()) < 40


def test_it_keeps_the_inbox_open_until_it_is_interrupted(tmp_path: Path) -> None:
    with demo_run(tmp_path, "--keep") as run:
        run.wait_for("until Ctrl-C.")
        url = re.search(r"The inbox stays open on (http://127\.0\.0\.1:\d+) until", run.output)
        assert url is not None
        with build_opener(ProxyHandler({})).open(f"{url[1]}/api/messages", timeout=30) as answer:
            assert json.load(answer)["total"] == 297
        run.process.send_signal(signal.SIGINT)
        assert run.end() == 0, run.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["Starting the sandbox", "Setting up", "airflow dags test"])
def test_a_signal_ends_all_that_was_started(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with demo_run(tmp_path) as run:
        run.wait_for(moment)
        run.process.send_signal(number)
        assert run.end() == 128 + number, run.output
    assert f"Ended by {number.name}; nothing is left behind.\n" in run.output
    assert "Traceback" not in run.output


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the demo in this process, with a program of the test's in the place of Airflow."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run_with(monkeypatch: pytest.MonkeyPatch, code: str) -> int:
    """Run the demo with a line of Python in the place of Airflow."""
    monkeypatch.setattr(demo, "AIRFLOW", (sys.executable, "-c", code))
    return demo.main([])


@pytest.mark.usefixtures("quick")
def test_a_failure_shows_the_end_of_the_log_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, "print('\\n'.join(map(str, range(1000)))); raise SystemExit(3)") == 1
    err = capsys.readouterr().err
    assert "error: airflow db migrate failed (status 3)" in err
    assert "  999\n" in err
    assert "  900\n" not in err
    (folder,) = tmp_path.iterdir()
    assert f"The logs are kept in {folder}\n" in err
    assert (folder / "airflow.log").read_text().startswith("0\n")


@pytest.mark.usefixtures("quick")
def test_results_that_never_came_are_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, "print('done nothing')") == 1
    assert "error: the DAG left no results; the end of its log:\n\n  done nothing\n" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_results_that_do_not_add_up_are_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {"mapping": [], "failed": [], "summary": {"recipients": 0, "parts": 0, "requests": 0, "seconds": 0}}
    assert run_with(monkeypatch, f"open('results.json', 'w').write({json.dumps(results)!r})") == 1
    shown = capsys.readouterr()
    assert "- recipients is 0, not 300\n" in shown.err
    assert "agree" not in shown.out


@pytest.mark.usefixtures("quick")
def test_a_sandbox_that_does_not_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SANDBOX", (sys.executable, "-c", "raise SystemExit('no port is free')"))
    assert demo.main([]) == 1
    assert "error: the sandbox did not start:\n  no port is free\n" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_without_the_examples_it_says_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "EXAMPLE", tmp_path / "none.py")
    assert demo.main([]) == 1
    assert capsys.readouterr().err.startswith("error: the demo runs from a clone")


def test_what_a_program_left_behind_is_ended_too(tmp_path: Path) -> None:
    mark = uuid4().hex
    child = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
    log = tmp_path / "log"
    with demo.started((sys.executable, "-c", parent), log=log, environment={**os.environ, MARK: mark}) as process:
        assert process.wait(60) == 0
        deadline = time.monotonic() + 60
        while log.read_text() != "up\n":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(marked(mark)) == 1
    deadline = time.monotonic() + 60
    while marked(mark):
        assert time.monotonic() < deadline, marked(mark)
        time.sleep(0.05)


def good_results() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return results and an inbox that agree."""
    inbox = [
        {"phone": f"7961{number:07}", "client_id_sms": str(number), "id_sms": 700 + number} for number in range(1, 298)
    ]
    summary = {"recipients": 300, "accepted": 297, "rejected": 1, "invalid": 2}
    return {
        "summary": {**summary, "duplicate": 0, "unknown": 0, "unsent": 0},
        "mapping": [{**message, "id_sms": str(message["id_sms"])} for message in inbox],
        "failed": [{"row": row} for row in (100, 150, 200)],
    }, inbox


def test_good_results_have_no_differences() -> None:
    assert demo_shop.differences(*good_results()) == []


def test_every_difference_is_told() -> None:
    results, inbox = good_results()
    results["summary"]["unknown"] = 1
    results["mapping"][0]["id_sms"] = "1"
    results["failed"].pop()
    inbox[1]["phone"] = inbox[2]["phone"]
    assert demo_shop.differences(results, inbox) == [
        "unknown is 1, not 0",
        "2 of the mapping are not in the inbox, 2 only there",
        "1 messages went to a phone that had one",
        "the rows [100, 150] failed, not [100, 150, 200]",
    ]


def test_customers_have_names_in_two_alphabets_and_phones_in_many_spellings(tmp_path: Path) -> None:
    phones = demo_shop.make_customers(tmp_path / "shop.sqlite")
    assert len(phones) == len(set(phones)) == 300
    assert sum(re.fullmatch(r"7961224\d{4}", phone) is None for phone in phones) == 9
