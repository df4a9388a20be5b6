"""Whatever the gateway answers, each message ends in one outcome, and none is accepted without an id of the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from threading import Event
from typing import Any

import pytest
import requests_mock
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import CATALOGUE, GatewayError
from airflow_provider_mysmpp.sending.batch import BatchResult, send_batch
from airflow_provider_mysmpp.sending.dispatch import Dispatch
from airflow_provider_mysmpp.sending.outcomes import Status
from tests.gateway.support import client_of, message
from tests.gateway.wire import WireServer
from tests.sending.support import plan_of

ADDRESS = "http://gateway.example"
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 304, 400, 401, 404, 413, 429, 500, 503, 599])

words = st.sampled_from([text for entry in CATALOGUE for text in (entry.english, *entry.russian)])
any_text = words | st.text(max_size=12) | st.sampled_from(["", " ", "\ud800", "79612242243", "words that nobody knows"])
ids = st.integers(-2, 10**18) | st.integers(1, 5) | st.integers().map(str) | st.floats() | st.booleans() | any_text
scalars = st.none() | ids
entry = st.dictionaries(
    st.sampled_from(["id_sms", "error", "state", "x"]), scalars | st.lists(scalars, max_size=2), max_size=4
)
likely = st.fixed_dictionaries({"id_sms": st.integers(1, 10**6)}) | st.fixed_dictionaries({"error": any_text}) | entry
any_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
document = (
    st.fixed_dictionaries({"information": st.lists(likely | any_json, max_size=5)})
    | st.fixed_dictionaries({"error": any_text | any_json}, optional={"information": st.lists(likely) | any_json})
    | any_json
)
bodies = (
    document.map(lambda value: json.dumps(value).encode())
    | document.map(lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
    | document.map(lambda value: b"\xef\xbb\xbf" + json.dumps(value).encode())
    | document.map(lambda value: json.dumps(value).encode()[:-3])
    | document.map(lambda value: json.dumps(value, ensure_ascii=False).encode("cp1251", errors="replace"))
    | st.binary(max_size=80)
)
# A body, or the entries of an answer that has as many as the request has phones.
answers = st.lists(
    st.tuples(bodies | st.lists(likely | any_json, min_size=1, max_size=5), STATUSES), min_size=1, max_size=6
)
batches = st.lists(
    st.builds(
        message,
        number=st.integers(0, 10**6),
        text=st.sampled_from(["a", "b"]),
        sender=st.sampled_from(["A", "B"]),
        channel=st.sampled_from(["sms", "viber"]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda sent: sent.client_id_sms,
)


class Sayings:
    """Answers as requests_mock takes them, and a note of what was said."""

    def __init__(self, given_answers: list[tuple[Any, int]]) -> None:
        self.said: list[bytes] = []
        self.responses = [
            {"content": partial(self._say, what), "status_code": status} for what, status in given_answers
        ]

    def _say(self, what: Any, request: Any, _: object) -> bytes:
        if isinstance(what, list):
            phones = request.body.count(b'"phone":')
            what = json.dumps({"information": list(islice(cycle(what), phones))}).encode()
        self.said.append(what)
        return bytes(what)


def assert_defined(result: BatchResult, batch: Sequence[Message], said: Sequence[bytes]) -> None:
    """Fail unless each message has one outcome that the answers bear out."""
    assert len(result.outcomes) == len(batch)
    for outcome in result.outcomes:
        assert outcome.status in (Status.ACCEPTED, Status.REJECTED, Status.UNKNOWN, Status.UNSENT)
        if outcome.status is Status.ACCEPTED:
            assert outcome.id_sms is not None
            assert outcome.id_sms.isascii()
            assert int(outcome.id_sms) > 0
            assert any(outcome.id_sms in body.decode(errors="replace") for body in said)
        else:
            assert outcome.code
            assert outcome.error
        assert outcome.error is None or outcome.error.encode()
    for error in (result.stop, result.doubt):
        assert error is None or isinstance(error, GatewayError)


@settings(max_examples=400)
@given(batches, answers)
def test_whatever_is_answered_every_message_has_a_defined_outcome(
    batch: list[Message], given_answers: list[tuple[Any, int]]
) -> None:
    sayings = Sayings(given_answers)
    with requests_mock.Mocker() as mock, client_of(ADDRESS, attempts=2) as client:
        mock.post(f"{ADDRESS}/json", sayings.responses)
        result = send_batch(client, batch, stop=Event())
    assert_defined(result, batch, sayings.said)


@settings(max_examples=150)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 3), answers)
def test_whatever_is_answered_every_row_of_a_plan_has_one_outcome(
    rows: int, size: int, window: int, given_answers: list[tuple[Any, int]]
) -> None:
    with requests_mock.Mocker() as mock, client_of(ADDRESS, attempts=2) as client, plan_of(rows) as plan:
        mock.post(f"{ADDRESS}/json", Sayings(given_answers).responses)
        cause = Dispatch(client, plan, batch_size=size, max_in_flight=window).run()
        plan.finish(cause)
        found = list(plan.results())
        reasons = plan.reasons(10)
    assert [result.row for result in found] == list(range(1, rows + 1))
    numbers = [result.id_sms for result in found if result.id_sms is not None]
    assert len(set(numbers)) == len(numbers)
    assert {result.status for result in found if result.id_sms} <= {"accepted"}
    assert len(reasons) <= 10


headers = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 5",
            b"Content-Length: -1",
            b"Content-Length: x",
            b"Transfer-Encoding: chunked",
            b"Content-Encoding: gzip",
            b"Content-Encoding: deflate",
            b"Content-Type: text/html; charset=nonsense",
            b"Location: http://[",
            b"Location: /elsewhere",
            b"Retry-After: 0",
            b"Set-Cookie: a=b; expires=nonsense",
            b"Connection: keep-alive",
            b"no colon",
            b": no name",
            b" folded",
            b"\xff: \xfe",
        ]
    ),
    max_size=4,
)
status_lines = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 302 Found", b"HTTP/1.1 500 x", b"HTTP/9 1 2"]
)
raw = st.binary(max_size=60) | st.tuples(status_lines, headers, bodies).map(
    lambda told: b"\r\n".join([told[0], *told[1], b"", told[2]])
)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whatever_bytes_come_over_the_wire_every_message_has_a_defined_outcome() -> None:
    said: list[bytes] = []

    def say(connection: Any) -> None:
        connection.sendall(said[-1])

    with WireServer(say) as server:

        @settings(max_examples=150)
        @given(batches, raw)
        def check(batch: list[Message], content: bytes) -> None:
            said.append(content)
            with client_of(server.url, timeout=2.0) as client:
                assert_defined(send_batch(client, batch, stop=Event()), batch, [content])

        check()
    assert len(said) >= 100
