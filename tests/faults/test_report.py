"""What the task says when it ends: counts, reasons, places, and whether Airflow tries again."""

from __future__ import annotations

import copy
import csv
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sending.draft import Draft
from airflow_provider_mysmpp.sending.plan import Plan

from .attempts import PHONES, TaskInstance, attempt
from .ledger import assert_true

BAD = ["79000000101", "12", "", None, "79612240000;79612240001"]


def test_the_message_names_counts_reasons_and_the_place(gateway: SandboxServer) -> None:
    done = attempt(recipients=[PHONES[0], "79000000101", "79000000101", "12"])
    assert done.verdict == "fail"
    assert str(done.error).splitlines() == [
        "4 recipients: 1 accepted, 1 rejected, 1 invalid, 1 duplicate, 0 unknown, 0 unsent.",
        "- 1 rejected (stop_list): Phone number is on the stop list; first in row 2, 7900*****01",
        "- 1 invalid (phone): no country has such a number; check the digits and the country code; first in row 4, **",
        "The whole list is in the XCom 'failed' of this task. Another try texts nobody twice.",
    ]


def test_at_most_ten_reasons_the_most_frequent_first(gateway: SandboxServer) -> None:
    refused = [f"790000001{number:02}" for number in range(1, 15)]
    done = attempt(recipients=[*refused, *(f"{number}" for number in range(100, 130))])
    lines = [line for line in str(done.error).splitlines() if line.startswith("- ")]
    assert len(lines) == 10
    assert lines[0].startswith("- 30 invalid (phone): ")
    assert len({re.sub(r"; first in row.*", "", line) for line in lines}) == 10
    assert not re.search(r"\d{7,}", str(done.error)), "a phone is masked"
    assert len(done.failed) == 44


def test_without_xcom_the_message_does_not_send_people_there(gateway: SandboxServer) -> None:
    done = attempt(recipients=["12"], do_xcom_push=False)
    assert done.xcoms == {}
    assert "XCom 'failed'" not in str(done.error)
    assert "set results_path" in str(done.error)


TOLERANCES = [
    *[(0, 1, "fail"), (1, 1, "success"), (1, 2, "fail"), (3, 3, "success"), (3, 4, "fail")],
    *[(0.0, 1, "fail"), (0.01, 1, "success"), (0.01, 2, "fail"), (0.29, 29, "success"), (0.29, 30, "fail")],
    *[(0.07, 7, "success"), (0.999, 99, "success"), (0.999, 100, "fail"), (1.0, 1, "success"), (1.0, 2, "fail")],
]


@pytest.mark.parametrize(("tolerated", "bad", "verdict"), TOLERANCES)
def test_failures_up_to_a_number_or_a_share_are_tolerated(
    gateway: SandboxServer, tolerated: float, bad: int, verdict: str
) -> None:
    recipients = [str(number) for number in range(bad)] + PHONES[: 100 - bad]
    done = attempt(recipients=recipients, tolerated_failures=tolerated)
    assert done.verdict == verdict
    assert len(done.failed) == bad
    assert_true(done, gateway, rows=100)


def test_rejected_and_invalid_count_together(gateway: SandboxServer) -> None:
    assert attempt(recipients=[PHONES[0], "12", "79000000101"], tolerated_failures=1).verdict == "fail"
    assert attempt(recipients=[PHONES[0], "12", "79000000101"], tolerated_failures=2).verdict == "success"


@pytest.mark.parametrize("tolerated", [50, 0.99])
def test_what_a_retry_may_help_is_never_tolerated(gateway: SandboxServer, tolerated: float) -> None:
    assert attempt(recipients=[*PHONES[:9], "79000000118"], tolerated_failures=tolerated).verdict == "retry"


def test_duplicates_are_no_failures(gateway: SandboxServer) -> None:
    done = attempt(recipients=[PHONES[0]] * 3)
    assert done.verdict == "success"
    assert done.counts == {"accepted": 1, "duplicate": 2}


def test_a_dry_run_sends_nothing(gateway: SandboxServer) -> None:
    done = attempt(recipients=[*PHONES[:3], PHONES[0]], dry_run=True)
    assert done.verdict == "success"
    assert done.counts == {"duplicate": 1, "unsent": 3}
    assert (done.mapping, done.summary["parts"], done.summary["requests"]) == ([], 3, 0)
    assert not gateway.requests()


def test_a_dry_run_finds_bad_rows(gateway: SandboxServer) -> None:
    bad = attempt(recipients=[*PHONES[:3], "12"], dry_run=True)
    assert bad.verdict == "fail"
    assert "no country has such a number" in str(bad.error)
    assert attempt(recipients=[*PHONES[:3], "12"], dry_run=True, tolerated_failures=1).verdict == "success"
    assert not gateway.requests()


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        *(({"max_recipients": 3}, "success"), ({"max_recipients": 2}, "fail")),
        *(({"max_parts": 6}, "success"), ({"max_parts": 5}, "fail"), ({"max_parts": 0}, "fail")),
    ],
)
def test_limits_hold_before_anything_is_sent(gateway: SandboxServer, limit: dict[str, Any], verdict: str) -> None:
    done = attempt(recipients=PHONES[:3], text="я" * 71, **limit)
    assert done.verdict == verdict
    assert len(gateway.messages()) == (3 if verdict == "success" else 0)
    assert_true(done, gateway, rows=3)
    if verdict == "fail":
        assert done.counts == {"unsent": 3}
        assert next(iter(limit)) in str(done.error)


@pytest.mark.parametrize(
    "wrong",
    [{"sender": "TWELVE CHARS"}, {"sender": " SHOP"}, {"channel": "pigeon"}, {"validity_period": "2001-12-31"}],
)
def test_a_wrong_parameter_fails_before_anything_is_sent(gateway: SandboxServer, wrong: dict[str, Any]) -> None:
    done = attempt(recipients=PHONES[:3], **wrong)
    assert done.verdict == "fail"
    assert next(iter(wrong)) in str(done.error)
    assert not gateway.requests()


@pytest.mark.parametrize("recipients", [[], (), iter([]), {}.keys()])
def test_nobody_to_text_is_no_failure(gateway: SandboxServer, recipients: Any) -> None:
    done = attempt(recipients=recipients)
    assert (done.verdict, done.mapping, done.summary["recipients"]) == ("success", [], 0)
    assert not gateway.requests()


# Recipients of every kind

KINDS = {
    "strings": ["79612240000", "79612240001"],
    "integers": [79612240000, 79612240001],
    "floats of a data frame": [79612240000.0, 79612240001.0],
    "tuple": ("79612240000", "79612240001"),
    "mappings": [{"phone": "79612240000"}, {"phone": 79612240001}],
    "generator": (f"7961224000{number}" for number in range(2)),
    "keys of a mapping": {"79612240000": 1, "79612240001": 2}.keys(),
}


@pytest.mark.parametrize("recipients", KINDS.values(), ids=KINDS)
def test_recipients_of_every_kind(gateway: SandboxServer, recipients: Any) -> None:
    done = attempt(recipients=recipients)
    assert done.verdict == "success", done.error
    assert list(done.ids) == PHONES[:2]


def test_a_copy_of_a_task_with_a_generator_has_it_too(gateway: SandboxServer) -> None:
    operator = MySmppSendOperator(task_id="send", text="Готово", recipients=(phone for phone in PHONES[:2]))
    assert list(copy.deepcopy(operator).recipients.rows) == PHONES[:2]


@pytest.mark.parametrize("recipient", ["79612240000", 79612240000, {"phone": "79612240000"}])
def test_one_recipient_alone(gateway: SandboxServer, recipient: Any) -> None:
    assert list(attempt(recipients=recipient).ids) == PHONES[:1]


@pytest.mark.parametrize(
    "wrong", ["['79612240000']", '{"phone": "79612240000"}', {"79612240000": "text"}, object(), "{{ none }}"]
)
def test_recipients_that_are_none_fail_without_a_retry(gateway: SandboxServer, wrong: Any) -> None:
    done = attempt(recipients=wrong)
    assert done.verdict == "fail", done.error
    assert not gateway.requests()


# The file of the results


def read(path: Path) -> list[dict[str, Any]]:
    """Read a results file with nothing but the standard library."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8")
    if ".csv" in path.name:
        return list(csv.DictReader(text.splitlines()))
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".jsonl.gz"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_of_results_in_each_format(gateway: SandboxServer, tmp_path: Path, suffix: str, scheme: str) -> None:
    path = f"{scheme}{tmp_path}/new/{{{{ run_id }}}}{suffix}"
    done = attempt(recipients=[*PHONES[:2], "12", PHONES[0]], results_path=path, tolerated_failures=1)
    assert done.verdict == "success"
    assert done.mapping == f"{scheme}{tmp_path}/new/run-1{suffix}"
    rows = read(tmp_path / f"new/run-1{suffix}")
    assert [row["status"] for row in rows] == ["accepted", "accepted", "invalid", "duplicate"]
    assert [str(row["row"]) for row in rows] == ["1", "2", "3", "4"]
    kept = {message["phone"]: str(message["id_sms"]) for message in gateway.messages()}
    assert {row["phone"]: str(row["id_sms"]) for row in rows[:2]} == kept


def test_a_failed_task_leaves_the_file_and_names_it(gateway: SandboxServer, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    gateway.add_fault("status", status=503, after=1, times=None)
    done = attempt(recipients=PHONES[:30], results_path=str(path), batch_size=10, max_in_flight=1)
    assert done.verdict == "retry"
    assert f"The whole list is in the file {path}." in str(done.error)
    assert done.mapping == str(path)
    assert [row["status"] for row in read(path)] == ["accepted"] * 10 + ["unknown"] * 10 + ["unsent"] * 10


def places(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    return {
        "under a file": f"{tmp_path}/file/results.csv",
        "a folder": f"{tmp_path}/folder.csv",
        "a folder by URL": f"file://{tmp_path}/folder.csv",
        "no such file system": "nowhere://bucket/results.csv",
        "no format": f"{tmp_path}/results.txt",
        "not ours": "/proc/results.csv",
    }


@pytest.mark.parametrize(
    "place", ["under a file", "a folder", "a folder by URL", "no such file system", "no format", "not ours"]
)
def test_a_place_that_can_not_be_written_is_refused_before_sending(
    gateway: SandboxServer, tmp_path: Path, place: str
) -> None:
    path = places(tmp_path)[place]
    done = attempt(recipients=PHONES[:2], results_path=path)
    assert done.verdict == "fail", done.error
    assert path in str(done.error)
    assert not gateway.requests()


def test_a_storage_that_is_away_before_the_send_is_a_retry(
    gateway: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise TimeoutError("the storage does not answer")

    monkeypatch.setattr(Path, "mkdir", away)
    done = attempt(recipients=PHONES[:2], results_path=str(tmp_path / "results.csv"))
    assert done.verdict == "retry", done.error
    assert "so nothing is sent: TimeoutError: the storage does not answer" in str(done.error)
    assert not gateway.requests()


def test_looking_for_a_place_keeps_the_results_of_the_last_try(gateway: SandboxServer, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    attempt(recipients=PHONES[:2], results_path=str(path))
    before = path.read_text()
    done = attempt(recipients=None, sql="x", sql_conn_id="nowhere", results_path=str(path))
    assert done.error is not None
    assert path.read_text() == before


def test_the_results_of_the_last_try_stay_until_the_send_is_over(
    gateway: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.csv"
    attempt(recipients=PHONES[:2], results_path=str(path))
    before = path.read_text()
    advance = Draft.advance
    drafted: list[int] = []

    def look_and_advance(draft: Draft, plan: Plan) -> None:
        advance(draft, plan)
        drafted.append(draft._next_row - 1)
        assert path.read_text() == before

    monkeypatch.setattr(Draft, "advance", look_and_advance)
    assert attempt(recipients=PHONES[:1_200], results_path=str(path), try_number=2).verdict == "success"
    assert drafted[-1] >= 1_000, "some of them were ready before the end"
    assert len(read(path)) == 1_200


def test_a_storage_that_fails_after_the_send_is_a_retry_with_a_summary(
    gateway: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("airflow_provider_mysmpp.sending.results.ResultsWriter.write", full)
    path = tmp_path / "results.csv"
    done = attempt(recipients=PHONES[:2], results_path=str(path))
    assert done.verdict == "retry"
    assert done.summary["accepted"] == len(gateway.messages()) == 2
    assert f"The results were not written: OSError at {path}" in str(done.error)
    assert f"is in the file {path}" not in str(done.error), "it is not there"
    monkeypatch.undo()
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection())
    again = attempt(recipients=PHONES[:2], results_path=str(path), try_number=2)
    assert again.verdict == "success"
    assert len(read(path)) == len(gateway.messages()) == 2


# XComs that Airflow does not take


class RefusedError(RuntimeError):
    """What Airflow says to a push that it does not take."""


@pytest.fixture
def no_xcom(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: TaskInstance, key: str, value: Any) -> None:
        raise RefusedError(f"{key} of {len(str(value))} characters")

    monkeypatch.setattr(TaskInstance, "xcom_push", refuse)


def test_a_refused_push_does_not_hide_the_failure(gateway: SandboxServer, no_xcom: None) -> None:
    gateway.add_fault("status", status=503, times=None)
    done = attempt(recipients=PHONES[:2])
    assert done.verdict == "retry"
    assert isinstance(done.error, AirflowException)
    assert "2 unknown" in str(done.error)
    assert "The results were not pushed: RefusedError" in str(done.error)


def test_a_refused_push_of_a_failure_that_no_retry_helps(gateway: SandboxServer, no_xcom: None) -> None:
    gateway.add_fault("error", code="bad_credentials")
    done = attempt(recipients=PHONES[:2])
    assert isinstance(done.error, AirflowFailException), "wrong credentials are wrong on the next try too"
    assert "Incorrect login or password" in str(done.error)


def test_a_refused_push_after_a_good_send_is_a_retry(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: TaskInstance, key: str, value: Any) -> None:
        raise RefusedError(f"{key} of {len(str(value))} characters")

    with monkeypatch.context() as patch:
        patch.setattr(TaskInstance, "xcom_push", refuse)
        done = attempt(recipients=PHONES[:2])
    assert done.verdict == "retry"
    assert "2 accepted" in str(done.error)
    assert attempt(recipients=PHONES[:2], try_number=2).verdict == "success"
    assert len(gateway.messages()) == 2
