"""Every fault of the wire, met by the operator: exact outcomes, exact number of requests, what Airflow does next."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.rules import words
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .attempts import PHONES, attempt
from .ledger import assert_true

LETTERS = {"accepted": "A", "rejected": "R", "unknown": "U", "unsent": "-"}
ALWAYS = {"times": None}


@dataclass
class Case:
    """
    A fault and what becomes of four messages, sent two a request, one request at a time.

    :param faults: The script of faults, in order.
    :param outcomes: One letter a message: accepted, rejected, unknown, - for unsent.
    :param code: The code of the first failure, if there is one.
    :param requests: How many requests are made.
    :param verdict: What Airflow does.
    :param ledger: How many messages the gateway keeps.
    """

    faults: list[dict[str, Any]]
    outcomes: str
    requests: int
    verdict: str = "success"
    code: str | None = None
    ledger: int = 4
    settings: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def fault(kind: str, **params: Any) -> dict[str, Any]:
    return {"kind": kind, **params}


def answer(document: object, **params: Any) -> dict[str, Any]:
    return fault("body", body=document if isinstance(document, str) else json.dumps(document), **params)


def ids(*values: int) -> dict[str, Any]:
    return {"information": [{"state": "send", "id_sms": value} for value in values]}


def soon() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


FIVE = 5  # the requests of one batch after which the gateway counts as away
AWAY: dict[str, Any] = {"outcomes": "UU--", "requests": FIVE, "verdict": "retry", "code": "no_answer"}
RECOVERS: dict[str, Any] = {"outcomes": "AAAA", "requests": 3}

CASES = {
    # The connection breaks
    "lost answer": Case([fault("lost_answer")], **RECOVERS),
    "lost answers, all": Case([fault("lost_answer", **ALWAYS)], ledger=2, **AWAY),
    "reset": Case([fault("reset")], **RECOVERS),
    "resets, all": Case([fault("reset", **ALWAYS)], ledger=0, **AWAY),
    "no answer in time": Case([fault("delay", seconds=3)], extra={"timeout": 0.5}, **RECOVERS),
    # The server fails
    "500": Case([fault("status", status=500)], **RECOVERS),
    "502 after processing": Case([fault("status", status=502, processed=True)], **RECOVERS),
    "503, all": Case([fault("status", status=503, **ALWAYS)], ledger=0, **AWAY),
    "503 after processing, all": Case([fault("status", status=503, processed=True, **ALWAYS)], ledger=2, **AWAY),
    "404": Case(
        [fault("status", status=404)], outcomes="UU--", requests=1, verdict="retry", code="no_answer", ledger=0
    ),
    "429": Case([fault("too_many")], **RECOVERS),
    "429 with seconds": Case([fault("too_many", retry_after=1)], **RECOVERS),
    "429 with a date": Case([fault("too_many", retry_after=soon())], **RECOVERS),
    "429, all": Case([fault("too_many", **ALWAYS)], ledger=0, **AWAY | {"outcomes": "----"}),
    "429 with an hour": Case(
        [fault("too_many", retry_after=3600)], "----", 1, verdict="retry", code="no_answer", ledger=0
    ),
    "413 asks for less at once": Case([fault("status", status=413)], "AAAA", 4),
    # The answer can't be read
    "cut JSON": Case([fault("cut_json")], **RECOVERS),
    "cut JSON, all": Case([fault("cut_json", **ALWAYS)], ledger=2, **AWAY),
    "HTML with 200": Case([fault("html")], **RECOVERS),
    "HTML with 200, all, not processed": Case([fault("html", processed=False, **ALWAYS)], ledger=0, **AWAY),
    "empty": Case([fault("empty")], **RECOVERS),
    "204": Case([fault("status", status=204, processed=True)], **RECOVERS),
    # The answer can be read but not believed
    "too few entries": Case([fault("too_few")], "AAAA", 4),
    "too few entries, all": Case([fault("too_few", **ALWAYS)], "UUUU", 6, verdict="retry", code="miscount"),
    "too many entries": Case([fault("too_many_entries")], "AAAA", 4),
    "too many entries, all": Case([fault("too_many_entries", **ALWAYS)], "UUUU", 6, verdict="retry", code="miscount"),
    "no entries": Case([answer({"information": []}, processed=True)], "AAAA", 4),
    "one id for two": Case([fault("one_id")], "UU--", 1, verdict="fail", code="collision", ledger=2),
    "one id for two later": Case([fault("one_id", after=1)], "UUUU", 2, verdict="fail", code="collision"),
    "one id over two requests": Case(
        [answer(ids(5, 6)), answer(ids(7, 5))], "UUUU", 2, verdict="fail", code="collision", ledger=0
    ),
    "one column too narrow": Case(
        [], "UU--", 1, verdict="fail", code="collision", ledger=1, settings={"client_id_limit": 2**31 - 1}
    ),
    "id and error": Case([fault("id_and_error")], "AAAA", 2),
    "neither id nor error": Case([fault("neither")], "UUAA", 2, verdict="retry", code="unknown"),
    "ids as strings": Case([fault("string_ids", **ALWAYS)], "AAAA", 2),
    # The gateway refuses the request in words
    "unknown words": Case(
        [answer({"error": "The operator is on holiday"})], "UUAA", 2, verdict="retry", code="unknown", ledger=2
    ),
    "unknown words with 503": Case([answer({"error": "The operator is on holiday"}, status=503)], **RECOVERS),
    "bad document": Case(
        [fault("error", code="bad_document")], "RR--", 1, verdict="fail", code="bad_document", ledger=0
    ),
    "a refusal of one recipient": Case(
        [fault("error", code="stop_list", times=2)], "RAAA", 4, verdict="fail", code="stop_list", ledger=3
    ),
    "a refusal of the text": Case(
        [fault("error", code="moderator")], "RRAA", 2, verdict="fail", code="moderator", ledger=2
    ),
    "a refusal of the sender": Case(
        [fault("error", code="unknown_sender")], "RRAA", 2, verdict="fail", code="unknown_sender", ledger=2
    ),
    # A redirect
    "redirect": Case([fault("redirect")], "UU--", 1, verdict="retry", code="redirect", ledger=0),
    "redirect 307": Case([fault("redirect", status=307)], "UU--", 1, verdict="retry", code="redirect", ledger=0),
    # One after another
    "all at once": Case(
        [fault("lost_answer"), fault("reset"), fault("cut_json"), fault("too_few"), fault("too_many")], "AAAA", 8
    ),
    "refused as out of SMS after a lost answer": Case(
        [fault("lost_answer"), fault("error", code="out_of_sms")], "UU--", 2, "retry", "out_of_sms", ledger=2
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outcomes_and_requests(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection(**case.extra))
    gateway.change(**case.settings)
    for params in case.faults:
        gateway.add_fault(**params)
    done = attempt(recipients=PHONES[:4], batch_size=2, max_in_flight=1)
    assert_true(done, gateway, rows=4)
    assert outcomes(done.ids, done.failed) == case.outcomes
    assert done.verdict == case.verdict, done.error
    assert [one["code"] for one in done.failed][:1] == ([case.code] if case.code else [])
    assert len(gateway.requests()) == done.summary["requests"] == case.requests
    assert len(gateway.messages()) == case.ledger


def outcomes(ids: dict[str, str], failed: list[dict[str, Any]]) -> str:
    """Return the outcomes of the four rows as letters."""
    letters = {entry["row"]: LETTERS[entry["status"]] for entry in failed}
    accepted = {row: "A" for row, phone in enumerate(PHONES[:4], 1) if phone in ids}
    assert not letters.keys() & accepted.keys()
    return "".join((letters | accepted)[row] for row in range(1, 5))


NOTHINGS: tuple[Any, ...] = (None, True, "", [], {})
ODD_ENTRIES: list[Any] = [
    *(None, True, 5, 1.5, "5", [], [5], {}),
    *({"id_sms": value} for value in (*NOTHINGS, False, 0, -5, 1.5, "x", "-5", "0", "1.5", "٥", [5])),
    *({"error": value} for value in (*NOTHINGS, 5, "  ", ["Out of SMS"])),
    {"state": "send"},
    {"state": "send", "id_sms": None, "error": None},
    {"ID_SMS": 5},
]


@pytest.mark.parametrize("entry", ODD_ENTRIES, ids=json.dumps)
def test_an_entry_of_wrong_types_is_unknown(gateway: SandboxServer, entry: Any) -> None:
    gateway.add_fault("body", body=json.dumps({"information": [entry, {"state": "send", "id_sms": 5}]}))
    done = attempt(recipients=PHONES[:2])
    assert [(one["row"], one["status"], one["code"]) for one in done.failed] == [(1, "unknown", "unknown")]
    assert done.ids == {PHONES[1]: "5"}
    assert (done.verdict, done.summary["requests"]) == ("retry", 1)


ODD_DOCUMENTS: list[Any] = [
    *(None, True, 5, 1.5, "information", [], [{"id_sms": 5}], {}),
    *({"information": value} for value in (None, True, 5, "x", "", {}, {"0": {"id_sms": 5}})),
    *({"error": value} for value in (*NOTHINGS, 5, ["Out of SMS"])),
    {"Information": [{"id_sms": 5}, {"id_sms": 6}]},
]


@pytest.mark.parametrize("document", ODD_DOCUMENTS, ids=json.dumps)
@pytest.mark.parametrize("status", [200, 400])
def test_a_document_of_wrong_types_is_no_answer(gateway: SandboxServer, document: Any, status: int) -> None:
    gateway.add_fault("body", body=json.dumps(document), status=status, times=None)
    done = attempt(recipients=PHONES[:2])
    assert done.counts == {"unknown": 2}
    assert {one["code"] for one in done.failed} == {"no_answer"}
    assert done.verdict == "retry"
    # What a 400 says once it says again.
    assert len(gateway.requests()) == (FIVE if status == 200 else 1)


ACCOUNT_ERRORS = {
    "bad_credentials": "fail",
    "account_locked": "fail",
    "account_blocked": "fail",
    "out_of_sms": "retry",
    "gateway_out_of_sms": "retry",
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(("code", "verdict"), ACCOUNT_ERRORS.items())
def test_an_account_error_stops_the_send(
    gateway: SandboxServer, code: str, verdict: str, language: str, status: int
) -> None:
    gateway.add_fault("error", code=code, language=language, status=status, after=1, times=None)
    done = attempt(recipients=PHONES[:12], batch_size=2, max_in_flight=1)
    assert_true(done, gateway, rows=12)
    assert done.counts == {"accepted": 2, "rejected": 2, "unsent": 8}
    assert {one["code"] for one in done.failed} == {code}
    assert done.verdict == verdict
    assert words(code, language) in str(done.error)
    assert len(gateway.requests()) == 2


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_account_error_in_an_entry_stops_the_send(gateway: SandboxServer, language: str) -> None:
    gateway.change(language=language)
    done = attempt(recipients=[PHONES[0], "79000000117", *PHONES[1:9]], batch_size=2, max_in_flight=1)
    assert_true(done, gateway, rows=10)
    assert done.counts == {"accepted": 1, "rejected": 1, "unsent": 8}
    assert done.verdict == "fail"
    assert len(gateway.requests()) == 1


@pytest.mark.parametrize("language", ["en", "ru"])
def test_words_about_recipients_in_both_languages(gateway: SandboxServer, language: str) -> None:
    refused = {f"790000001{number:02}": code for number, code in enumerate(CODES, 1)}
    gateway.change(language=language)
    done = attempt(recipients=[*refused, PHONES[0], "79000000118"])
    assert_true(done, gateway, rows=len(refused) + 2)
    assert [one["code"] for one in done.failed] == [*CODES, "unknown"]
    assert [one["status"] for one in done.failed] == ["rejected"] * len(CODES) + ["unknown"]
    assert [one["error"] for one in done.failed] == [words(code, language) for code in (*CODES, "unknown")]
    assert list(done.ids) == [PHONES[0]]
    assert done.verdict == "retry", "the one whose words nobody knows may pass the next time"


CODES = (
    *("stop_list", "closed_for_you", "closed", "moderator", "no_phone", "phone_too_long", "no_text", "no_sender"),
    *("sender_too_long", "unknown_sender", "unmoderated_sender", "no_link", "bad_vcard", "already_sent"),
)
