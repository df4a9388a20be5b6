"""Results files in their four formats, read back by the usual readers."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.sending.outcomes import Result
from airflow_provider_mysmpp.sending.results import SUFFIXES, check_suffix
from tests.support import write_results

COLUMNS = ["row", "phone", "key", "client_id_sms", "id_sms", "status", "code", "error", "parts"]
ACCEPTED = Result(1, "79612242243", None, "4503599627370497", "77", "accepted", None, None, 2)
INVALID = Result(2, '="bad", "phone"', "заказ;\n№5", None, None, "invalid", "phone", 'quotes " and, commas\r\n', None)
RETURNS = Result(3, "a\rb", "\r", None, None, "invalid", "phone", "\n", None)


def written(results: list[Result] | Iterator[Result], name: str) -> bytes:
    """Return the bytes of a results file."""
    file = io.BytesIO()
    write_results(results, file, name)
    assert not file.closed
    return file.getvalue()


def read(content: bytes, name: str) -> list[dict[str, Any]]:
    """Return the rows of a results file by its columns."""
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    text = content.decode()
    if ".csv" in name:
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.splitlines()]


def as_csv(result: Result) -> dict[str, str]:
    """Return a row as a reader of CSV sees it."""
    return {name: "" if value is None else str(value) for name, value in result._asdict().items()}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_read_back_as_it_was_written(suffix: str) -> None:
    rows = read(written([ACCEPTED, INVALID, RETURNS], f"out{suffix}"), f"out{suffix}")
    expected = [as_csv(row) if ".csv" in suffix else row._asdict() for row in (ACCEPTED, INVALID, RETURNS)]
    assert rows == expected
    assert list(rows[0]) == COLUMNS


def test_the_bytes_are_plain() -> None:
    assert written([ACCEPTED], "out.csv") == (
        b"row,phone,key,client_id_sms,id_sms,status,code,error,parts\r\n"
        b"1,79612242243,,4503599627370497,77,accepted,,,2\r\n"
    )
    assert written([INVALID], "out.jsonl").decode() == (
        '{"row":2,"phone":"=\\"bad\\", \\"phone\\"","key":"заказ;\\n№5","client_id_sms":null,"id_sms":null,'
        '"status":"invalid","code":"phone","error":"quotes \\" and, commas\\r\\n","parts":null}\n'
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows_make_a_file_that_can_be_read(suffix: str) -> None:
    content = written([], f"out{suffix}")
    assert read(content, suffix) == []
    if suffix.endswith(".gz"):
        content = gzip.decompress(content)
    assert content == (f"{','.join(COLUMNS)}\r\n".encode() if ".csv" in suffix else b"")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("count", [999, 1_000, 1_001, 2_500])
def test_every_row_is_written_whatever_the_blocks(count: int, suffix: str) -> None:
    rows = read(written((ACCEPTED._replace(row=number) for number in range(count)), suffix), suffix)
    assert [int(row["row"]) for row in rows] == list(range(count))


def test_rows_are_written_as_they_come_and_not_gathered() -> None:
    sizes: list[int] = []
    file = io.BytesIO()

    def rows() -> Iterator[Result]:
        for number in range(20_000):
            sizes.append(len(file.getvalue()))
            yield ACCEPTED._replace(row=number)

    write_results(rows(), file, "out.jsonl")
    assert sizes[0] == 0
    assert sizes[10_000] > len(file.getvalue()) / 3


@pytest.mark.parametrize("suffix", [".csv.gz", ".jsonl.gz"])
def test_the_same_results_make_the_same_packed_file(suffix: str) -> None:
    content = written([ACCEPTED] * 1_000, f"one{suffix}")
    assert content == written([ACCEPTED] * 1_000, f"other{suffix}")
    assert content[4:8] == bytes(4)  # no time
    assert content[3] == 0  # no name
    assert content[8] == 4  # packed in the quickest way (RFC 1952)
    assert len(content) < len(gzip.decompress(content)) / 5


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_of_the_source_leaves_a_file_of_what_came_before(suffix: str) -> None:
    def rows() -> Iterator[Result]:
        for number in range(1_500):
            yield ACCEPTED._replace(row=number)
        raise OSError("the plan went away")

    file = io.BytesIO()
    with pytest.raises(OSError, match="went away"):
        write_results(rows(), file, f"out{suffix}")
    assert not file.closed
    found = read(file.getvalue(), suffix)
    assert [int(row["row"]) for row in found][:1_000] == list(range(1_000))


def test_a_name_may_hold_another_format_within() -> None:
    assert written([ACCEPTED], "my.jsonl.copy.csv").startswith(b"row,phone")
    assert written([ACCEPTED], "my.csv.jsonl").startswith(b'{"row"')
    assert gzip.decompress(written([ACCEPTED], "s3://b/my.jsonl/x.csv.gz")).startswith(b"row,phone")


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
results = st.lists(
    st.builds(
        Result,
        row=st.integers(1, 10**9),
        phone=text,
        key=st.none() | text,
        client_id_sms=st.none() | text,
        id_sms=st.none() | text,
        status=st.sampled_from(["accepted", "invalid"]),
        code=st.none() | text,
        error=st.none() | text,
        parts=st.none() | st.integers(1, 99),
    ),
    max_size=5,
)


@given(results, st.sampled_from(SUFFIXES))
def test_any_result_is_read_back_as_it_was_written(rows: list[Result], suffix: str) -> None:
    expected = [as_csv(row) if ".csv" in suffix else row._asdict() for row in rows]
    content = written(rows, suffix)
    if suffix.startswith(".jsonl"):
        content = gzip.decompress(content) if suffix.endswith(".gz") else content
        found = [json.loads(line) for line in content.decode().split("\n")[:-1]]
    else:
        found = read(content, suffix)
    assert found == expected


# The name


@pytest.mark.parametrize("name", [*SUFFIXES, *[f"s3://bucket/dir/out{suffix}" for suffix in SUFFIXES], "a.b.csv"])
def test_a_name_with_a_format_is_taken(name: str) -> None:
    check_suffix(name)


@pytest.mark.parametrize(
    "name", ["", "out", "out.txt", "out.json", "out.CSV", "csv", "out.csv.zip", "out.gz", "out.csv/"]
)
def test_a_name_without_a_format_is_refused_with_the_formats(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_suffix(name)
    assert f"results_path is {name!r}; let it end with .csv, .csv.gz, .jsonl, .jsonl.gz" in str(caught.value)
