"""What an HTTP status means where the body does not say it, and what it does not mean where the body does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests_mock

from airflow_provider_mysmpp.gateway.errors import (
    UNKNOWN,
    AmbiguousError,
    GatewayError,
    RedirectError,
    RefusedError,
    UnavailableError,
)
from tests.gateway.support import client_of, failure_of, messages

ADDRESS = "http://gateway.example/json"
PAGE = b"<html><h1>An error</h1></html>"
ENTRY = b'{"information":[{"state":"send","id_sms":77}]}'
KNOWN = b'{"error":"Out of SMS"}'
STRANGE = b'{"error":"words that nobody knows"}'

PASSING = (408, 425, 429, 500, 501, 502, 503, 504, 507, 520, 599)
LASTING = (400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 414, 415, 418, 422, 426, 428, 431, 451)


def error_of(status: int, body: bytes, **headers: str) -> GatewayError:
    """Return the error of a request that is answered so."""
    with requests_mock.Mocker() as mock:
        mock.post(ADDRESS, status_code=status, content=body, headers=headers)
        return failure_of(client_of("http://gateway.example"))


@pytest.mark.parametrize("status", [200, 201, 202, 299, *LASTING, 413, *PASSING])
def test_an_id_counts_whatever_the_status(status: int) -> None:
    with requests_mock.Mocker() as mock, client_of("http://gateway.example") as client:
        mock.post(ADDRESS, status_code=status, content=ENTRY)
        assert client.send(messages(1)) == [("77", None)]


@pytest.mark.parametrize("status", [200, *LASTING, 413, *PASSING])
def test_a_known_refusal_counts_whatever_the_status(status: int) -> None:
    error = error_of(status, KNOWN)
    assert isinstance(error, RefusedError)
    assert (error.code, error.status_code, error.maybe_sent) == ("out_of_sms", status, False)


@pytest.mark.parametrize("status", [200, 201, *LASTING, 413])
def test_an_unknown_refusal_is_one_where_a_repetition_would_get_it_again(status: int) -> None:
    error = error_of(status, STRANGE)
    assert isinstance(error, RefusedError)
    assert (error.code, str(error), error.status_code) == (UNKNOWN, "words that nobody knows", status)
    assert error.maybe_sent


@pytest.mark.parametrize("status", PASSING)
@pytest.mark.parametrize("body", [STRANGE, PAGE, b"", b"[]"])
def test_a_passing_status_is_repeated(status: int, body: bytes) -> None:
    error = error_of(status, body)
    assert isinstance(error, UnavailableError)
    assert f"HTTP {status}" in str(error)
    assert (error.status_code, error.repeatable, error.retryable) == (status, True, True)
    assert error.maybe_sent is (status != 429)


@pytest.mark.parametrize("status", LASTING)
@pytest.mark.parametrize("body", [PAGE, b"", b"[]"])
def test_a_lasting_status_is_not_repeated(status: int, body: bytes) -> None:
    error = error_of(status, body)
    assert isinstance(error, UnavailableError)
    assert f"HTTP {status}" in str(error)
    assert (error.status_code, error.repeatable, error.maybe_sent) == (status, False, True)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
@pytest.mark.parametrize("body", [PAGE, b"", b"[]"])
def test_a_good_status_without_an_answer_is_no_success(status: int, body: bytes) -> None:
    error = error_of(status, body)
    assert isinstance(error, UnavailableError)
    assert f"HTTP {status}" in str(error)
    assert (error.status_code, error.repeatable, error.maybe_sent) == (status, True, True)


@pytest.mark.parametrize("body", [ENTRY, KNOWN, STRANGE, PAGE])
def test_a_redirect_is_none_of_these_whatever_stands_in_it(body: bytes) -> None:
    for status in (300, 302, 399):
        assert isinstance(error_of(status, body), RedirectError)


@pytest.mark.parametrize("body", [PAGE, b""])
def test_a_request_that_is_too_large_is_sent_in_smaller_ones(body: bytes) -> None:
    error = error_of(413, body)
    assert isinstance(error, AmbiguousError)
    assert "too large (HTTP 413)" in str(error)
    assert (error.status_code, error.maybe_sent) == (413, False)


@pytest.mark.parametrize("status", [429, 503, 404])
@pytest.mark.parametrize(
    ("header", "seconds"), [({}, None), ({"Retry-After": "7"}, 7.0), ({"retry-after": "soon"}, None)]
)
def test_the_wait_that_the_gateway_asks_for_is_kept(status: int, header: dict[str, str], seconds: float | None) -> None:
    error = error_of(status, PAGE, **header)
    assert isinstance(error, UnavailableError)
    assert error.retry_after == seconds


@pytest.mark.parametrize("status", [200, 400, 503])
def test_a_wrong_number_of_entries_is_ambiguous_whatever_the_status(status: int) -> None:
    assert isinstance(error_of(status, b'{"information":[]}'), AmbiguousError)


def answer(*entries: Any) -> dict[str, Any]:
    """Return an answer with these entries, for requests_mock."""
    return {"content": json.dumps({"information": list(entries)}).encode()}


def test_429_and_then_an_answer_is_an_answer() -> None:
    with requests_mock.Mocker() as mock, client_of("http://gateway.example", attempts=3) as client:
        mock.post(ADDRESS, [{"status_code": 429}, {"status_code": 503}, answer({"id_sms": 77})])
        assert client.send(messages(1)) == [("77", None)]
        assert (client.requests_made, mock.call_count) == (3, 3)


def test_a_gateway_that_asks_for_too_long_a_wait_is_left_to_the_next_try() -> None:
    with requests_mock.Mocker() as mock:
        mock.post(ADDRESS, [{"status_code": 429, "headers": {"Retry-After": "301"}}, answer({"id_sms": 77})])
        error = failure_of(client_of("http://gateway.example", attempts=3))

    assert isinstance(error, UnavailableError)
    assert (error.retry_after, mock.call_count) == (301.0, 1)
