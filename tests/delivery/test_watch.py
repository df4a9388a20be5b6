"""Looking again and again, at what is open only; the pauses; the report."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.delivery.goal import Goal, Verdict
from airflow_provider_mysmpp.delivery.messages import Sent
from airflow_provider_mysmpp.delivery.report import rows_of, summarise
from airflow_provider_mysmpp.delivery.watch import Watch, is_passing, next_pause
from airflow_provider_mysmpp.gateway.errors import (
    AmbiguousError,
    GatewayError,
    RedirectError,
    RefusedError,
    StoppedError,
    UnavailableError,
)
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.gateway.states import FINAL, MessageState


class Client:
    """Tells states that a test sets, and notes what it was asked."""

    def __init__(self, **states: str | None) -> None:
        self.states = {name[1:]: state for name, state in states.items()}
        self.asked: list[list[str]] = []
        self.silent: list[set[str]] = []

    def get_states(
        self,
        ids: Iterable[str],
        *,
        detail: bool,
        batch_size: int,
        silent: Collection[str],
        retry: RetryPolicy | None,
        stop: Event,
    ) -> list[MessageState]:
        ids = list(ids)
        self.asked.append(ids)
        self.silent.append(set(silent))
        price = Decimal("2.5") if detail else None
        return [MessageState(id_sms, self.states[id_sms], None, 1 if detail else None, price) for id_sms in ids]


def test_final_messages_are_not_looked_at_again() -> None:
    client, watch = Client(_1="deliver", _2="send", _3=None), Watch(["1", "2", "3"], Goal())
    assert watch.look(client, detail=False) == 2
    client.states |= {"2": "not_deliver", "3": "send"}
    assert watch.look(client, detail=False) == 2
    assert watch.look(client, detail=False) == 0
    assert client.asked == [["1", "2", "3"], ["2", "3"], ["3"]]
    assert client.silent == [set(), {"3"}, set()]
    assert watch.counts() == {"deliver": 1, "not_deliver": 1, "send": 1}
    assert watch.settled() == {"deliver": 1, "not_deliver": 1}
    assert watch.verdict is Verdict.OUT_OF_REACH


def test_what_the_first_requests_told_is_learnt_although_a_later_one_fails() -> None:
    class Failing(Client):
        def get_states(self, ids: Iterable[str], **more: Any) -> list[MessageState]:
            if len(self.asked) == 2:
                raise UnavailableError("away")
            return super().get_states(ids, **more)

    states = {"_1": "deliver", "_2": "send", "_3": "not_deliver", "_4": None, "_5": "send"}
    client, watch = Failing(**states), Watch(["1", "2", "3", "4", "5"], Goal(), batch_size=2)
    with pytest.raises(UnavailableError):
        watch.look(client, detail=True)
    assert watch.open_ids == ["2", "4", "5"]
    assert watch.counts() == {"deliver": 1, "send": 1, "not_deliver": 1, None: 2}
    whole = Client(**states)
    watch.look(whole, detail=True)
    assert whole.asked == [["2", "4"], ["5"]]
    assert whole.silent == [{"4"}, {"4"}]
    watch.refresh(whole)
    assert whole.asked[2:] == [["1", "3"]]


def test_what_was_told_is_not_taken_back_by_silence() -> None:
    client, watch = Client(_1="send"), Watch(["1"], Goal())
    watch.look(client, detail=False)
    client.states["1"] = None
    assert watch.look(client, detail=False) == 0
    assert watch.counts() == {"send": 1}


def test_messages_that_settled_before_count() -> None:
    watch = Watch(["1"], Goal(0.5), settled={"deliver": 2, "not_deliver": 1})
    watch.look(Client(_1="not_deliver"), detail=False)
    assert watch.verdict is Verdict.REACHED
    assert watch.counts() == {"deliver": 2, "not_deliver": 2}


def test_a_refresh_finds_what_was_read_since() -> None:
    client, watch = Client(_1="deliver", _2="send"), Watch(["1", "2"], Goal())
    watch.look(client, detail=False)
    client.states |= {"1": "read", "2": "deliver"}
    watch.look(client, detail=True)
    watch.refresh(client)
    assert client.asked == [["1", "2"], ["2"], ["1"]]
    assert {state.state for state in watch.states.values()} == {"read", "deliver"}
    assert all(state.cost for state in watch.states.values())


def test_a_refresh_right_after_the_first_look_asks_nothing() -> None:
    client, watch = Client(_1="deliver"), Watch(["1"], Goal())
    watch.look(client, detail=True)
    watch.refresh(client)
    assert client.asked == [["1"], []]


def test_no_messages() -> None:
    client, watch = Client(), Watch([], Goal())
    assert watch.look(client, detail=True) == 0
    assert watch.verdict is Verdict.REACHED


STEPS = st.lists(st.lists(st.sampled_from([None, "send", "rerouted", *sorted(FINAL)]), min_size=5, max_size=5))


@given(STEPS, st.floats(0, 1), st.booleans(), st.integers(0, 5))
def test_a_wait_that_is_handed_over_ends_as_one_that_is_not(
    steps: list[list[str | None]], ratio: float, for_all: bool, handed_over: int
) -> None:
    """The sensor looks, the trigger goes on with what is open: together they see what one would see alone."""
    ids, goal = ["1", "2", "3", "4", "5"], Goal(ratio, for_all)
    alone, first = Watch(ids, goal), Watch(ids, goal)
    watches = [first]
    for number, step in enumerate(steps):
        if number == handed_over:
            watches.append(Watch(watches[-1].open_ids, goal, settled=watches[-1].settled()))
        client = Client(**{f"_{id_sms}": state for id_sms, state in zip(ids, step, strict=True)})
        alone.look(client, detail=False)
        watches[-1].look(client, detail=False)
        if number >= handed_over:
            # What the gateway told before, and now keeps to itself, only the one knows that was there.
            assert watches[-1].settled() == alone.settled()
            assert watches[-1].open_ids == alone.open_ids
            assert watches[-1].verdict is alone.verdict


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (UnavailableError("no answer"), True),
        (UnavailableError("HTTP 502", status_code=502, retry_after=3600.0), True),
        (UnavailableError("HTTP 404", status_code=404, repeatable=False), False),
        (RefusedError("Out of SMS"), True),
        (RefusedError("Incorrect login or password"), False),
        (RefusedError("Account blocked"), False),
        (RefusedError("Something new"), False),
        (RedirectError("redirect"), False),
        (AmbiguousError("too large"), False),
        (StoppedError("stopped"), False),
    ],
)
def test_which_errors_pass(error: GatewayError, passing: bool) -> None:
    assert is_passing(error) is passing


def test_pauses_grow_while_little_happens() -> None:
    def following(pause: float, changed: int, asked: int = 100) -> float:
        return next_pause(pause, first=60, longest=600, changed=changed, asked=asked)

    assert following(60, 0) == 90
    assert following(90, 5) == 112.5
    assert following(500, 0) == 600
    assert following(600, 0) == 600
    assert following(600, 10) == 60
    assert following(600, 1, asked=3) == 60


@given(st.floats(0, 1e4), st.floats(0, 1e3), st.floats(0, 1e4), st.integers(0, 99), st.integers(1, 99))
def test_no_pause_is_too_short_or_too_long(
    pause: float, first: float, longest: float, changed: int, asked: int
) -> None:
    following = next_pause(pause, first=first, longest=longest, changed=min(changed, asked), asked=asked)
    assert first <= following <= max(first, longest)


MESSAGES = [Sent("1", {"id_sms": "1", "key": "A"}, 2), Sent("2", {"id_sms": "2"}, 1), Sent("3", {"id_sms": "3"}, 1)]
STATES = {
    "1": MessageState("1", "deliver", datetime(2024, 7, 1, 9, tzinfo=UTC), 3, Decimal("2.50")),
    "2": MessageState("2", "expired", None, 1, Decimal("2.50")),
    "3": MessageState("3"),
}


def test_rows() -> None:
    assert list(rows_of(MESSAGES, STATES)) == [
        {
            "id_sms": "1",
            "key": "A",
            "state": "deliver",
            "changed_at": "2024-07-01T09:00:00+00:00",
            "parts": 3,
            "price": "2.50",
        },
        {"id_sms": "2", "state": "expired", "changed_at": None, "parts": 1, "price": "2.50"},
        {"id_sms": "3", "state": None, "changed_at": None, "parts": None, "price": None},
    ]


def test_the_summary() -> None:
    assert summarise(MESSAGES, STATES, Goal(), estimate=99) == {
        "messages": 3,
        "delivered": 1,
        "failed": 1,
        "open": 1,
        "states": {"deliver": 1, "expired": 1, "unknown": 1},
        "parts": 4,
        "estimated_parts": 4,
        "price": "10.00",
        "prices": {"deliver": "7.50", "expired": "2.50"},
    }


def test_the_estimate_of_the_send_stands_in_for_that_of_the_messages() -> None:
    messages = [message._replace(parts=None) if message.id_sms == "3" else message for message in MESSAGES]
    assert summarise(messages, STATES, Goal(), estimate=99)["estimated_parts"] == 99
    assert summarise(messages, STATES, Goal())["estimated_parts"] is None


def test_the_summary_of_nothing() -> None:
    empty: dict[str, Any] = summarise([], {}, Goal(), estimate=0)
    assert empty == {
        "messages": 0,
        "delivered": 0,
        "failed": 0,
        "open": 0,
        "states": {},
        "parts": 0,
        "estimated_parts": 0,
        "price": None,
        "prices": {},
    }
