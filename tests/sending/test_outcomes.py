"""The closed vocabulary of outcomes, and the counts of them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from airflow_provider_mysmpp.sending.outcomes import FAILED, Outcome, Result, Status, Summary

WORDS = ("accepted", "rejected", "invalid", "duplicate", "unknown", "unsent")
RESULT = Result(3, "79612242243", "k", "4503599627370497", "77", "accepted", None, None, 2)


def test_the_vocabulary_is_closed() -> None:
    assert tuple(status.value for status in Status) == WORDS
    assert [str(status) for status in FAILED] == ["rejected", "invalid", "unknown", "unsent"]


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_vocabulary_makes_an_outcome(word: str) -> None:
    outcome = Outcome(cast(Status, word), "77" if word == "accepted" else None, "code", "words")
    assert outcome.status is Status(word)
    assert (outcome.code, outcome.error) == ("code", "words")


@pytest.mark.parametrize("word", ["", "Accepted", "ACCEPTED", "sent", "send", " accepted", None, 0, True])
def test_no_other_word_does(word: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid Status"):
        Outcome(word)


def test_accepted_needs_an_id() -> None:
    with pytest.raises(ValueError, match="'accepted' can't have the id_sms None"):
        Outcome(Status.ACCEPTED)


@pytest.mark.parametrize("word", WORDS[1:])
def test_nothing_else_has_an_id(word: str) -> None:
    with pytest.raises(ValueError, match=f"'{word}' can't have the id_sms '77'"):
        Outcome(Status(word), "77")


def test_an_outcome_says_no_more_than_it_is_given() -> None:
    outcome = Outcome(Status.UNSENT)
    assert (outcome.id_sms, outcome.code, outcome.error) == (None, None, None)


def test_a_result_becomes_an_entry_of_the_mapping() -> None:
    assert RESULT.mapping() == {
        "phone": "79612242243",
        "key": "k",
        "client_id_sms": "4503599627370497",
        "id_sms": "77",
    }


def test_a_result_becomes_an_entry_of_the_failures_with_its_phone_masked() -> None:
    failed = RESULT._replace(id_sms=None, status="rejected", code="stop_list", error="words")
    assert failed.failure() == {
        "row": 3,
        "phone": "7961*****43",
        "key": "k",
        "status": "rejected",
        "code": "stop_list",
        "error": "words",
    }


def test_a_summary_adds_up() -> None:
    counts = {word: 10**place for place, word in enumerate(WORDS)}
    summary = Summary.of(counts, parts=9, requests=4, seconds=1.23456)
    assert summary.as_dict() == {
        "recipients": 111_111,
        "accepted": 1,
        "rejected": 10,
        "invalid": 100,
        "duplicate": 1_000,
        "unknown": 10_000,
        "unsent": 100_000,
        "parts": 9,
        "requests": 4,
        "seconds": 1.235,
    }
    assert str(summary) == (
        "111111 recipients: 1 accepted, 10 rejected, 100 invalid, 1000 duplicate, 10000 unknown, 100000 unsent"
    )


def test_a_status_that_did_not_occur_counts_nothing() -> None:
    summary = Summary.of({"accepted": 2}, parts=2, requests=1, seconds=0.0)
    assert (summary.recipients, summary.accepted) == (2, 2)
    assert {getattr(summary, word) for word in WORDS[1:]} == {0}
