"""What a send says in the log of its task: how far it is, and what somebody should know or change."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from airflow_provider_mysmpp.operators import report
from tests.faults.attempts import PHONES, attempt
from tests.support import Written

LARGE: Final = 10_000
"""Entries that are not too many for XCom."""


pytestmark = pytest.mark.usefixtures("gateway")


# How far it is


def test_progress_is_told_every_five_seconds(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    monkeypatch.setattr(report, "time", SimpleNamespace(monotonic=lambda: now[0]))
    caplog.set_level("INFO", logger=report.__name__)
    progress = report.Progress(1_000)
    for moment, settled in ((100, 0), (104.9, 90), (105, 100), (106, 130), (109.9, 150), (110.5, 210), (115.4, 300)):
        now[0] = moment
        progress(settled)
    assert caplog.messages == ["Sent 100 of 1000 messages, 20 a second", "Sent 210 of 1000 messages, 20 a second"]


def test_a_send_tells_its_progress(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(report, "_SECONDS_BETWEEN_LINES", 0)
    caplog.set_level("INFO", logger=report.__name__)
    done = attempt(recipients=[*PHONES[:40], PHONES[0], "bad"], batch_size=10, max_in_flight=1, tolerated_failures=1)
    assert done.verdict == "success"
    told = [words.partition(" messages, ")[0] for words in caplog.messages if words.startswith("Sent ")]
    assert list(dict.fromkeys(told)) == [f"Sent {settled} of 40" for settled in range(0, 50, 10)]


# What somebody should know or change


@pytest.mark.parametrize("recipients", [[], PHONES[:1]])
def test_nobody_to_text_is_warned_of(written: Written, recipients: list[str]) -> None:
    assert attempt(recipients=recipients).verdict == "success"
    assert ("There are no recipients, so nothing is sent." in written.text) is (not recipients)


@pytest.mark.parametrize("more", [0, 1])
def test_a_mapping_that_is_much_for_xcom_is_warned_of(written: Written, more: int) -> None:
    done = attempt(recipients=[f"7961{number:07}" for number in range(LARGE + more)], batch_size=2_000)
    assert len(done.mapping) == LARGE + more
    warning = "The mapping has 10001 entries, which is much for XCom; set results_path."
    assert (warning in written.text) is bool(more)
    assert ("much for XCom" in written.text) is bool(more)


@pytest.mark.parametrize("more", [0, 1])
def test_failures_in_xcom_have_an_end_where_a_file_has_them_all(written: Written, tmp_path: Path, more: int) -> None:
    path = tmp_path / "results.csv"
    bad = [f"bad {number}" for number in range(LARGE + more)]
    done = attempt(recipients=bad, results_path=str(path), tolerated_failures=len(bad))
    assert done.verdict == "success"
    assert [one["row"] for one in done.failed] == list(range(1, LARGE + 1))
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["phone"] for row in csv.DictReader(file)] == bad
    assert ("XCom 'failed' holds the first 10000; the file has them all." in written.text) is bool(more)


def test_failures_in_xcom_are_all_there_where_no_file_has_them() -> None:
    bad = [f"bad {number}" for number in range(LARGE + 1)]
    assert len(attempt(recipients=bad, tolerated_failures=len(bad)).failed) == len(bad)


@pytest.mark.parametrize(
    ("name", "map_index", "warned"),
    [
        ("results.csv", 0, True),
        ("{{ run_id }}.csv", 1, True),
        ("results.csv", -1, False),
        ("{{ ti.map_index }}.csv", 0, False),
    ],
)
def test_one_file_for_all_mapped_tasks_is_warned_of(
    written: Written, tmp_path: Path, name: str, map_index: int, warned: bool
) -> None:
    done = attempt(recipients=PHONES[:1], results_path=f"{tmp_path}/{name}", map_index=map_index)
    assert done.verdict == "success"
    words = f"results_path {done.mapping} may be the same for every mapped task; name each with {{{{ ti.map_index }}}}."
    assert (words in written.text) is warned
    assert ("every mapped task" in written.text) is warned


def test_mapped_tasks_without_a_file_are_not_warned(written: Written) -> None:
    done = attempt(recipients=PHONES[:1], map_index=0)
    assert "every mapped task" not in written.with_the_log_of(done.operator)
