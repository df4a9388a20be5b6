"""Every form in which a DAG names the messages that it waits for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.delivery.files import COLUMNS, read_sent, write_rows
from airflow_provider_mysmpp.delivery.messages import Sent, is_path, read_messages
from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.sending.outcomes import Result
from airflow_provider_mysmpp.sending.results import SUFFIXES
from tests.support import write_results

ENTRY = {"phone": "79612242243", "key": "A-1", "client_id_sms": "45", "id_sms": "700000001"}
ROWS = [
    Result(1, "79612242243", "A-1", "45", "700000001", "accepted", None, None, 2),
    Result(2, "79000000101", None, "46", None, "rejected", "stop_list", "Phone number is on the stop list", 1),
    Result(3, "нет", "A;3", None, None, "invalid", "phone", "no phone, says «я»", None),
    Result(4, "79612242244", None, "47", "700000002", "accepted", None, None, 1),
]


def no_file(path: str) -> Iterator[Sent]:
    raise AssertionError(path)


def ids(given: Any) -> list[str]:
    return [message.id_sms for message in read_messages(given, no_file)]


def results(name: str, rows: list[Result] = ROWS) -> bytes:
    file = BytesIO()
    write_results(rows, file, name)
    return file.getvalue()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([7, "8", " 009 "], ["7", "8", "9"]),
        ([7, "7", 7], ["7"]),
        ("7", ["7"]),
        (7, ["7"]),
        ((number for number in (3, 2)), ["3", "2"]),
        (ENTRY, ["700000001"]),
        ([ENTRY], ["700000001"]),
        ([ENTRY, {"id_sms": None}, {"id_sms": ""}, {"id_sms": 5}], ["700000001", "5"]),
        ([[ENTRY], [], [7, [8]]], ["700000001", "7", "8"]),
    ],
)
def test_forms(given: Any, expected: list[str]) -> None:
    assert ids(given) == expected


def test_an_entry_is_kept_whole() -> None:
    (message,) = read_messages([{**ENTRY, "note": "hi"}], no_file)
    assert message == Sent("700000001", {**ENTRY, "note": "hi"}, None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "returned nothing"),
        ([None], "returned nothing"),
        ("[{'phone': '79612242243', 'id_sms': '1'}]", "written as text"),
        ([{"phone": "79612242243"}], "without 'id_sms'"),
        ([{"phone": "79612242243", "id_sms": "abc"}], "no number above 0"),
        (["+79612242243"], "no id_sms"),
        ([7.0], "no id_sms"),
        ([True], "no id_sms"),
        ([object()], "holds a object"),
        ("results.xlsx", "no id_sms"),
    ],
)
def test_what_is_no_message(given: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        ids(given)
    assert "79612242243" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("place", ["/tmp/{}", "s3://bucket/{}", "{}"])  # noqa: S108  nothing is written there
def test_paths(suffix: str, place: str) -> None:
    path = place.format("results" + suffix)
    opened: list[str] = []

    def read_file(name: str) -> Iterator[Sent]:
        opened.append(name)
        yield Sent("7", {"id_sms": "7"})

    assert is_path(path)
    for form in (path, PurePosixPath(path), [path]):
        assert [message.id_sms for message in read_messages(form, read_file)] == ["7"]
    assert opened == [path, str(PurePosixPath(path)), path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_results_of_a_send(suffix: str) -> None:
    name = "out" + suffix
    assert list(read_sent(BytesIO(results(name)), name)) == [
        Sent("700000001", ENTRY, 2),
        Sent(
            "700000002", {**ENTRY, "phone": "79612242244", "key": None, "client_id_sms": "47", "id_sms": "700000002"}, 1
        ),
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_results_without_rows(suffix: str) -> None:
    assert list(read_sent(BytesIO(results("out" + suffix, [])), "out" + suffix)) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("out.csv", b"phone;state\n1;2\n"),
        ("out.csv", b"id_sms\nabc\n"),
        ("out.csv", b"id_sms\n\xff\n"),
        ("out.csv.gz", b"id_sms\n7\n"),
        ("out.csv.gz", gzip.compress(b"id_sms\n" + b"7\n" * 999)[:-9]),
        ("out.jsonl", b'{"id_sms": 7}\n[]\n'),
        ("out.jsonl", b'{"id_sms": 7'),
        ("out.jsonl", b"\xff"),
    ],
)
def test_other_files(name: str, content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=name):
        list(read_sent(BytesIO(content), name))


def test_a_file_that_is_read_stays_open() -> None:
    file = BytesIO(results("out.csv.gz"))
    list(read_sent(file, "out.csv.gz"))
    assert not file.closed


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_became_of_messages_can_be_waited_for_again(suffix: str) -> None:
    name, file = "done" + suffix, BytesIO()
    rows = [
        {**ENTRY, "state": "deliver", "changed_at": "2024-07-01T12:00:00+03:00", "parts": 2, "price": "2.5", "x": 1}
    ]
    write_rows(rows, file, name)
    assert not file.closed
    assert list(read_sent(BytesIO(file.getvalue()), name)) == [Sent("700000001", ENTRY, 2)]


def test_a_line_holds_what_the_header_names() -> None:
    file = BytesIO()
    write_rows([{"id_sms": "7", "state": None, "note": "left out"}], file, "done.jsonl")
    assert json.loads(file.getvalue()) == {**dict.fromkeys(COLUMNS), "id_sms": "7"}


ROWS_OF_ANY_KEY = st.lists(st.tuples(st.integers(1, 10**12), st.text(st.characters(exclude_categories=["Cs"]))))


@given(ROWS_OF_ANY_KEY, st.sampled_from(SUFFIXES))
def test_what_is_written_is_read_again_whatever_the_keys(rows: list[tuple[int, str]], suffix: str) -> None:
    name, file = "done" + suffix, BytesIO()
    entries = [{**ENTRY, "id_sms": str(number), "key": key or None} for number, key in rows]
    write_rows([{**entry, "state": None, "parts": 1} for entry in entries], file, name)
    expected = [Sent(str(entry["id_sms"]), entry, 1) for entry in entries]
    assert list(read_sent(BytesIO(file.getvalue()), name)) == expected


@given(st.lists(st.tuples(st.integers(1, 10**12), st.sampled_from(["", "A;1", 'a"b', "x,y\n", "Ж"]), st.booleans())))
def test_no_accepted_row_is_lost(rows: list[tuple[int, str, bool]]) -> None:
    written = [
        Result(place, "79612242243", key, "1", str(number) if taken else None, "x", None, None, 1)
        for place, (number, key, taken) in enumerate(rows)
    ]
    for name in ("out.csv", "out.jsonl"):
        read = list(read_sent(BytesIO(results(name, written)), name))
        assert [message.id_sms for message in read] == [result.id_sms for result in written if result.id_sms]
