"""The identity of a message: the same on every try, in every process, for ever; another one for everything else."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.identity import Identities, canonical_key

PHONE = "79612242243"

Fields = tuple[str, str, str, str, str, str | None]
"""Idempotency key, template, channel, sender, phone and the row's key."""

# Pinned for ever: a release that changes one of these texts everybody twice whose task is retried across it.
GOLDEN: dict[Fields, str] = {
    ("dag/task/run", "Hello", "sms", "SHOP", PHONE, None): "5082613434198040",
    ("dag/task/run", "Hello", "sms", "SHOP", PHONE, ""): "7241384909117008",
    ("dag/task/run", "Hello", "sms", "SHOP", PHONE, "7"): "4635993231174166",
    ("dag/task/run", "Hello", "sms", "SHOP", "79612242244", None): "8700581812609939",
    ("dag/task/run", "Hello", "viber", "SHOP", PHONE, None): "5091247505008405",
    ("dag/task/run", "Hello", "sms", "INFO", PHONE, None): "6864115056181574",
    ("dag/task/run", "", "sms", "SHOP", PHONE, None): "6048744319604122",
    ("dag/task/run2", "Hello", "sms", "SHOP", PHONE, None): "6730353186439162",
    ("даг/задача/2031-05-05", "Привет, {имя}! 😀", "sms", "МАГАЗИН", "375294911911", "заказ №5"): "5217838113424440",
    ("", "", "", "", "", None): "8182885688230305",
}


def identity(made_of: Fields) -> str:
    """Return the identity of a message."""
    return Identities(*made_of[:2]).of(*made_of[2:])


@pytest.mark.parametrize(("fields", "number"), GOLDEN.items())
def test_an_identity_never_changes(fields: Fields, number: str) -> None:
    assert identity(fields) == number


def test_all_of_these_are_different() -> None:
    assert len(set(GOLDEN.values())) == len(GOLDEN)


def test_the_same_identity_comes_from_another_process() -> None:
    program = (
        "from airflow_provider_mysmpp.sending.identity import Identities;"
        f"print(Identities('dag/task/run', 'Hello').of('sms', 'SHOP', '{PHONE}', '7'))"
    )
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == GOLDEN["dag/task/run", "Hello", "sms", "SHOP", PHONE, "7"]


field = st.text(max_size=6) | st.sampled_from(["", "a", "aa", "\0", "a\0", "\0a", "\0\0\0\0\0\0\0\1", "\ud800"])
phones = st.integers(1, 10**14 - 1).map(str)
row_keys = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["", "\0", "1"])
fields = st.tuples(field, field, field, field, phones, row_keys)


@given(fields, fields)
def test_no_two_messages_share_an_identity(one: Fields, other: Fields) -> None:
    assert (identity(one) == identity(other)) is (one == other)


@given(fields, st.integers(0, 3), st.integers(1, 5))
def test_no_field_passes_a_part_of_itself_on_to_its_neighbour(given_fields: Fields, place: int, length: int) -> None:
    moved: list[Any] = list(given_fields)
    if place < 3:
        moved[place], moved[place + 1] = moved[place] + moved[place + 1][:length], moved[place + 1][length:]
    else:
        moved[4], moved[5] = moved[4] + (moved[5] or "")[:length], (moved[5] or "")[length:]
    assume(moved[4].isdecimal())
    assert (identity(cast(Fields, tuple(moved))) == identity(given_fields)) is (tuple(moved) == given_fields)


@given(fields)
def test_an_identity_is_a_decimal_number_of_53_bits(given_fields: Fields) -> None:
    number = identity(given_fields)
    assert number == str(int(number))
    assert 2**52 <= int(number) < 2**53
    assert len(number) == 16
    assert int(float(number)) == int(number)  # exact for any reader of JSON


def test_many_identities_fill_their_space_evenly() -> None:
    identities = Identities("dag/task/run", "Hello")
    numbers = sorted(
        int(identities.of("sms", "SHOP", str(phone), None)) for phone in range(79_000_000_000, 79_000_020_000)
    )
    assert len(set(numbers)) == 20_000
    assert max(after - before for before, after in pairwise(numbers)) < 2**52 / 20_000 * 25
    for bit in range(52):
        assert 9_000 < sum(number >> bit & 1 for number in numbers) < 11_000


def test_one_object_serves_many_senders() -> None:
    identities = Identities("dag/task/run", "Hello")
    for _ in range(2):
        numbers = {identities.of("sms", f"S{number}", PHONE, None) for number in range(600)}
        assert len(numbers) == 600
        assert identities.of("sms", "SHOP", PHONE, None) == GOLDEN["dag/task/run", "Hello", "sms", "SHOP", PHONE, None]


# The row's own key


class Kind(StrEnum):
    """A key of an enumeration."""

    FIRST = "first"


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (7, "7"),
        ("7", "7"),
        (7.0, "7"),
        (Decimal(7), "7"),
        (Decimal("7.00"), "7"),
        (Decimal("0.7E+1"), "7"),
        (-7.0, "-7"),
        (-0.0, "0"),
        (7.5, "7.5"),
        (Decimal("7.50"), "7.50"),
        (2**53, "9007199254740992"),
        (float(2**53), "9007199254740992"),
        (1e39, str(int(1e39))),
        (1e40, "1e+40"),
        (Decimal("1E+50"), "1E+50"),
        (float("inf"), "inf"),
        ("", ""),
        (" 7 ", " 7 "),
        ("07", "07"),
        ("заказ", "заказ"),
        (Kind.FIRST, "first"),
        (True, "True"),
        (date(2031, 5, 5), "2031-05-05"),
        (datetime(2031, 5, 5, 12, tzinfo=UTC), "2031-05-05 12:00:00+00:00"),
        (time(12, 30), "12:30:00"),
        (timedelta(minutes=5), "0:05:00"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (b"\x00\xff", "00ff"),
        (bytearray(b"\x00\xff"), "00ff"),
        (memoryview(b"\x00\xff"), "00ff"),
        (None, None),
        (float("nan"), None),
        (Decimal("NaN"), None),
    ],
    ids=repr,
)
def test_a_key_is_the_same_however_it_is_typed(value: object, key: str | None) -> None:
    assert canonical_key(value) == key


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_one_key_in_every_type(number: int) -> None:
    kinds: list[Any] = [number, str(number), float(number), Decimal(number), Decimal(f"{number}.000")]
    assert {canonical_key(kind) for kind in kinds} == {str(number)}


@pytest.mark.parametrize("value", [object(), {"a", "b"}, {"a": 1}, ["a"], ("a",), Exception("x"), print], ids=repr)
def test_a_key_that_another_process_may_write_otherwise_is_refused(value: object) -> None:
    with pytest.raises(InvalidMessageError, match="may change between two tries") as caught:
        canonical_key(value)
    assert caught.value.code == "key"
    assert type(value).__name__ in caught.value.reason


@pytest.mark.parametrize(
    "value", ["\ud800", "a\udfff", 10**5_000, -(10**5_000)], ids=["half", "half2", "long", "long2"]
)
def test_a_key_that_can_not_be_written_is_refused(value: object) -> None:
    with pytest.raises(InvalidMessageError, match="can't be written") as caught:
        canonical_key(value, "client_id_sms")
    assert caught.value.code == "client_id_sms"
    assert "the client_id_sms " in caught.value.reason
