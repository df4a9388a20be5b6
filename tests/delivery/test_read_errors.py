"""What the errors of states and balance say, in words and in numbers, and what the requests are to the letter."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests_mock

from airflow_provider_mysmpp.gateway.balance import Balance, balance_document, read_balance_answer
from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.errors import GatewayError, RefusedError, StoppedError, UnavailableError
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.gateway.states import (
    MessageState,
    collect_states,
    read_id,
    read_list,
    read_money,
    read_state_answer,
    state_document,
)

URL = "http://gateway.example"
ACCOUNT = {"login": "вася", "password": "p"}


def read_states(content: bytes, *, status_code: int) -> Any:
    return read_state_answer(content, status_code=status_code, zone=ZoneInfo("Europe/Moscow"))


def test_questions_are_compact_and_keep_their_letters() -> None:
    assert balance_document(ACCOUNT) == '{"login":"вася","password":"p"}'.encode()
    assert state_document(ACCOUNT, ["7"], detail=True) == (
        '[{"login":"вася","password":"p","id_sms":7,"detail":1}]'.encode()
    )


@pytest.mark.parametrize(
    ("read", "content", "words"),
    [
        (read_balance_answer, b"{}", "The gateway's answer holds no balance (HTTP 418)"),
        (read_balance_answer, b"<html>", "The gateway's answer is not JSON (HTTP 418, 6 bytes)"),
        (read_states, b"{}", "The gateway's answer is no list of states (HTTP 418)"),
        (read_states, b"[]", "The gateway's answer is no list of states (HTTP 418)"),
        (read_states, b"<html>", "The gateway's answer is not JSON (HTTP 418, 6 bytes)"),
    ],
)
def test_an_answer_that_is_none_says_what_came(read: Callable[..., Any], content: bytes, words: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        read(content, status_code=418)
    assert str(caught.value) == words
    assert caught.value.status_code == 418


@pytest.mark.parametrize("read", [read_balance_answer, read_states])
def test_a_refusal_says_with_which_status(read: Callable[..., Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        read(b'{"error": "Account blocked"}', status_code=400)
    assert (caught.value.code, caught.value.status_code) == ("account_blocked", 400)


def test_an_empty_list_with_400_is_no_answer() -> None:
    with pytest.raises(UnavailableError):
        read_states(b"[]", status_code=400)
    assert read_states(b"[]", status_code=399) == {}


def test_a_balance_may_have_directions_only() -> None:
    assert read_balance_answer(b'{"information": []}', status_code=200) == Balance(None, None)


def test_words_beside_an_id_are_no_refusal_of_the_question() -> None:
    entry = {"id_sms": 7, "state": "send", "error": "Out of SMS"}
    assert read_list(b'{"id_sms": 7, "state": "send", "error": "Out of SMS"}', 200) == [entry]


def test_what_is_no_id_is_told_without_it() -> None:
    with pytest.raises(
        ValueError, match=r"^An id_sms is digits that make a number above 0; one of those given is not$"
    ):
        collect_states(lambda _: {}, ["x"])
    assert read_id(10**5_000) is None


def test_a_binary_fraction_is_no_money() -> None:
    assert read_money(2.5) is None


@pytest.mark.parametrize(("ids", "asked"), [(["1"], [["1"]]), (["1", "2"], [["1", "2"], ["1"], ["2"]])])
def test_what_was_asked_alone_is_not_asked_alone_again(ids: list[str], asked: list[list[str]]) -> None:
    seen: list[list[str]] = []

    def ask(some: Any) -> dict[str, MessageState]:
        seen.append(list(some))
        return {}

    collect_states(ask, ids)
    assert seen == asked


def test_a_400_without_words_is_raised_at_once() -> None:
    error = UnavailableError("The gateway answered with HTTP 400", status_code=400)
    seen: list[list[str]] = []

    def ask(some: Any) -> dict[str, MessageState]:
        seen.append(list(some))
        raise error

    with pytest.raises(UnavailableError):
        collect_states(ask, ["1", "2"])
    assert seen == [["1", "2"]]


# The client


def error_of(question: Callable[[GatewayClient], object], **answer: Any) -> tuple[GatewayError, int]:
    """Return the error of a question that is tried three times if need be, and how often it was asked."""
    policy = RetryPolicy(attempts=3, first_pause=0.0, longest_pause=0.0)
    with requests_mock.Mocker() as mock, GatewayClient(URL, Credentials(token="t"), retry=policy) as client:
        mock.post(requests_mock.ANY, **answer)
        with pytest.raises(GatewayError) as caught:
            question(client)
        return caught.value, mock.call_count


def test_a_balance_is_asked_as_often_as_told() -> None:
    assert error_of(lambda client: client.get_balance(), status_code=503)[1] == 3
    once = RetryPolicy(attempts=1)
    assert error_of(lambda client: client.get_balance(retry=once), status_code=503)[1] == 1


def test_a_refused_balance_says_with_which_status() -> None:
    error, _ = error_of(lambda client: client.get_balance(), status_code=400, json={"error": "Account blocked"})
    assert (str(error), error.status_code) == ("Account blocked", 400)


def test_a_question_that_is_too_large_was_not_taken() -> None:
    error, _ = error_of(lambda client: client.get_states([1]), status_code=413)
    assert str(error) == "The request was too large (HTTP 413)"
    assert error.maybe_sent is False


def test_a_stopped_question_was_not_asked() -> None:
    stop = Event()
    stop.set()
    error, asked = error_of(lambda client: client.get_states([1], stop=stop), json=[])
    assert isinstance(error, StoppedError)
    assert (str(error), error.maybe_sent, asked) == ("The question was stopped", False, 0)


def test_silent_ids_are_not_asked_alone() -> None:
    with requests_mock.Mocker() as mock, GatewayClient(URL, Credentials(token="t")) as client:
        mock.post(requests_mock.ANY, json=[])
        client.get_states([1, 2], silent={"1"})
        assert mock.call_count == 2
