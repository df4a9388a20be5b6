"""Ids in few bytes."""

from __future__ import annotations

import json
import random
import string

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.delivery.compact import pack_ids, unpack_ids


@given(st.sets(st.integers(1, 2**64) | st.integers(1, 10**40 - 1), max_size=50))
def test_ids_come_back_sorted(numbers: set[int]) -> None:
    assert unpack_ids(pack_ids(map(str, numbers))) == [str(number) for number in sorted(numbers)]


@given(st.lists(st.integers(1, 300)))
def test_each_comes_back_once(numbers: list[int]) -> None:
    assert unpack_ids(pack_ids(map(str, numbers))) == [str(number) for number in sorted(set(numbers))]


def test_the_letters_are_harmless() -> None:
    assert set(pack_ids(["1", "700000000", "12345678901234"])) <= set(string.ascii_letters + string.digits + "+/=")


def test_neighbours_cost_next_to_nothing_and_strangers_little() -> None:
    dense = [str(700_000_000 + number) for number in range(10_000)]
    chance = random.Random(7)
    sparse = [str(chance.randrange(1, 10**9)) for _ in range(10_000)]
    assert len(pack_ids(dense)) < 200
    assert len(pack_ids(sparse)) < 36_000 < len(json.dumps(sparse)) / 3
