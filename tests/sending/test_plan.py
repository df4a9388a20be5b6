"""The plan: every row is checked once, sent in order, and ends in exactly one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.sending.outcomes import Status
from airflow_provider_mysmpp.sending.plan import Plan, Totals
from tests.sending.support import accepted, composer_of, phone_of, plan_of, settle, statuses_of


def batches_of(plan: Plan, size: int) -> list[list[str]]:
    """Return the phones of all batches."""
    return [[message.phone for message in batch] for batch in plan.batches(size)]


# Loading


def test_an_empty_list_is_an_empty_plan() -> None:
    with Plan() as plan:
        assert plan.load([], composer_of()) == Totals(rows=0, messages=0, parts=0)
        assert batches_of(plan, 10) == []
        plan.finish(None)
        assert (list(plan.results()), plan.counts(), plan.reasons(5)) == ([], {}, [])
        assert plan.parts(Status.ACCEPTED) == 0


def test_the_totals_count_rows_messages_and_parts() -> None:
    rows = [
        {"phone": phone_of(0)},
        {"phone": phone_of(1), "text": "я" * 71},
        {"phone": phone_of(1)},
        {"phone": "bad", "text": "я" * 71},
    ]
    with Plan() as plan:
        assert plan.load(iter(rows), composer_of()) == Totals(rows=4, messages=2, parts=3)


def test_every_kind_of_row_can_stand_in_one_list() -> None:
    ready = Message(phone_of(2), "own", "INFO", "sms", "101")
    with plan_of([phone_of(0), {"phone": phone_of(1)}, ready, 79612240003, 79612240004.0]) as plan:
        assert batches_of(plan, 10) == [[phone_of(number) for number in range(5)]]


def test_rows_are_read_once_and_one_after_another() -> None:
    read: list[int] = []

    def rows() -> Iterator[str]:
        for number in range(2_500):
            read.append(number)
            yield phone_of(number)

    with plan_of(rows()) as plan:
        assert read == list(range(2_500))
        assert [len(batch) for batch in plan.batches(2_000)] == [2_000, 500]


def test_an_error_of_the_source_is_not_hidden() -> None:
    def rows() -> Iterator[str]:
        yield phone_of(0)
        raise OSError("the database went away")

    with Plan() as plan, pytest.raises(OSError, match="went away"):
        plan.load(rows(), composer_of())


@pytest.mark.parametrize(
    ("row", "code", "shown"),
    [
        ({"phone": "bad phone"}, "phone", "bad phone"),
        ({"phone": "x" * 100}, "phone", "x" * 40),
        ({"phone": None}, "phone", ""),
        ({}, "phone", ""),
        ({"phone": "\ud800"}, "phone", "?"),
        ({"phone": 10**5_000}, "phone", ""),
        ({"phone": ["a", "b"]}, "phone", "['a', 'b']"),
        ({"phone": phone_of(1), "text": " "}, "text", phone_of(1)),
        ({"phone": phone_of(1), "text": "\ud800"}, "text", phone_of(1)),
        ({"phone": phone_of(1), "sender": "\ud800"}, "sender", phone_of(1)),
        ({"phone": phone_of(1), "key": "\ud800"}, "key", phone_of(1)),
        ({"phone": phone_of(1), "key": {1, 2}}, "key", phone_of(1)),
        ({"phone": phone_of(1), "client_id_sms": "x"}, "client_id_sms", phone_of(1)),
        ({"phone": phone_of(1), "validity_period": "9999-12-31T23:59:59Z"}, "validity_period", phone_of(1)),
        (None, "phone", ""),
        ((1, 2), "phone", "(1, 2)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "row",
)
def test_a_bad_row_is_invalid_and_stops_no_other(row: Any, code: str, shown: str) -> None:
    with plan_of([phone_of(0), row, phone_of(2)]) as plan:
        assert batches_of(plan, 10) == [[phone_of(0), phone_of(2)]]
        [result] = plan.results()
        assert (result.row, result.phone, result.status, result.code) == (2, shown, "invalid", code)
        assert result.error
        assert (result.client_id_sms, result.id_sms, result.parts) == (None, None, None)


def test_a_bad_row_keeps_its_key() -> None:
    with plan_of([{"phone": "bad", "key": 7.0}]) as plan:
        [result] = plan.results()
        assert result.key == "7"


def test_long_numbers_in_a_reason_are_masked() -> None:
    with plan_of([phone_of(0)], text="{c79612242243}") as plan:
        [result] = plan.results()
        assert result.error is not None
        assert "'c7961*****43'" in result.error


# Duplicates


def test_the_first_of_equal_messages_is_sent() -> None:
    rows = [phone_of(0), phone_of(1), "8 961 224-00-00", 79612240000, phone_of(1)]
    with plan_of(rows) as plan:
        assert batches_of(plan, 10) == [[phone_of(0), phone_of(1)]]
        assert [(result.row, result.status, result.code, result.error) for result in plan.results()] == [
            (
                row,
                "duplicate",
                "duplicate",
                f"the same phone and key as row {first}; to send both, give each its own key",
            )
            for row, first in [(3, 1), (4, 1), (5, 2)]
        ]


def test_a_key_tells_messages_to_one_phone_apart() -> None:
    keys = [None, 1, 2, "1", 2.0, float("nan"), ""]
    with plan_of([{"phone": phone_of(0), "key": key} for key in keys]) as plan:
        settle(plan)
        assert statuses_of(plan) == [
            "accepted", "accepted", "accepted", "duplicate", "duplicate", "duplicate", "accepted",
        ]  # fmt: skip
        assert [result.key for result in plan.results()] == [None, "1", "2", "1", "2", None, ""]


def test_another_sender_makes_another_message_and_another_text_does_not() -> None:
    rows = [{"sender": "A"}, {"sender": "B"}, {"sender": "A", "text": "other"}]
    with plan_of([{"phone": phone_of(0), **row} for row in rows]) as plan:
        settle(plan)
        assert statuses_of(plan) == ["accepted", "accepted", "duplicate"]


def test_one_identity_for_two_phones_was_not_meant() -> None:
    rows = [(0, "101"), (1, "101"), (0, "101"), (1, "102"), (1, "101")]
    with plan_of([{"phone": phone_of(number), "client_id_sms": own} for number, own in rows]) as plan:
        settle(plan)
        found = list(plan.results())
        assert [result.status for result in found] == ["accepted", "invalid", "duplicate", "accepted", "invalid"]
        assert [result.code for result in found] == [None, "client_id_sms", "duplicate", None, "client_id_sms"]
        assert found[1].error == "the same client_id_sms as row 1 but another phone; give each its own"
        assert [result.client_id_sms for result in found] == ["101", "101", "101", "102", "101"]


def test_a_bad_row_is_no_first_one() -> None:
    rows = [{"phone": phone_of(0), "text": " "}, {"phone": phone_of(0)}, {"phone": phone_of(0)}]
    with plan_of(rows) as plan:
        settle(plan)
        assert statuses_of(plan) == ["invalid", "accepted", "duplicate"]


def test_duplicates_are_found_across_blocks() -> None:
    with plan_of([phone_of(number % 2_500) for number in range(5_000)]) as plan:
        assert sum(len(batch) for batch in plan.batches(700)) == 2_500
        assert plan.counts() == {"duplicate": 2_500}


# Batches


@pytest.mark.parametrize("size", [1, 3, 999, 1_000, 1_001, 2_999, 3_000, 5_000])
def test_batches_hold_everything_once_and_in_order(size: int) -> None:
    with plan_of([phone_of(number) if number % 7 else "bad" for number in range(3_000)]) as plan:
        found = batches_of(plan, size)
        good = [phone_of(number) for number in range(3_000) if number % 7]
        assert [phone for batch in found for phone in batch] == good
        assert {len(batch) for batch in found[:-1]} <= {size}
        assert 0 < len(found[-1]) <= size


def test_a_message_comes_out_as_it_went_in() -> None:
    row = {
        "phone": phone_of(0),
        "text": "Здравствуйте\0 😀",
        "sender": "МАГАЗИН",
        "validity_period": "2031-12-31 15:34:54",
        "client_id_sms": "0101",
        "key": 7,
    }
    with plan_of([phone_of(9), row]) as plan:
        [[_, message]] = plan.batches(2)
        assert message == Message(phone_of(0), "Здравствуйте\0 😀", "МАГАЗИН", "sms", "0101", "2031-12-31 15:34:54", 2)


def test_outcomes_come_in_while_batches_go_out() -> None:
    with plan_of(5_000) as plan:
        given = []
        for batch in plan.batches(300):
            given += [message.row for message in batch]
            plan.record(batch, accepted(*[message.row for message in batch]))
        assert given == list(range(1, 5_001))
        assert plan.counts() == {"accepted": 5_000}


row = st.fixed_dictionaries(
    {"phone": st.sampled_from([*map(phone_of, range(5)), "bad", None, ""])},
    optional={
        "key": st.sampled_from([None, 1, "1", "a", ""]),
        "client_id_sms": st.sampled_from([None, "101", "102", "x"]),
        "text": st.sampled_from([None, "own", " "]),
        "sender": st.sampled_from([None, "INFO", " "]),
    },
)


@given(st.lists(row, max_size=25), st.integers(1, 6), st.data())
def test_the_counts_add_up_to_the_rows_whatever_happens(
    rows: list[dict[str, Any]], size: int, data: st.DataObject
) -> None:
    with Plan() as plan:
        totals = plan.load(rows, composer_of())
        sent: Counter[str] = Counter()
        for number, batch in enumerate(plan.batches(size)):
            sent.update(message.client_id_sms for message in batch)
            if data.draw(st.booleans()):
                ids = [f"{number}{place}" for place in range(len(batch))]
                plan.record(batch, accepted(*[f"1{id_sms}" for id_sms in ids]))
        plan.finish(None)
        found = list(plan.results())
        assert [result.row for result in found] == list(range(1, len(rows) + 1))
        assert sum(plan.counts().values()) == len(rows) == totals.rows
        assert totals.messages == sum(sent.values())
        assert set(sent.values()) <= {1}
        assert all((result.id_sms is not None) is (result.status == "accepted") for result in found)
        assert (
            len([result for result in found if result.status in ("accepted", "unknown", "unsent")]) == totals.messages
        )
