"""Batches, so many requests at once and no more, one after another until the plan is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event

import pytest

from airflow_provider_mysmpp.gateway.documents import Answer, Message
from airflow_provider_mysmpp.sending import dispatch
from airflow_provider_mysmpp.sending.dispatch import Dispatch
from airflow_provider_mysmpp.sending.outcomes import Outcome, Status
from airflow_provider_mysmpp.sending.plan import Plan
from tests.sending.support import PATIENCE, Gateway, Slow, in_background, one_at_a_time, phone_of, plan_of, statuses_of

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("window", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_everything_is_sent_once(size: int, window: int) -> None:
    gateway = Gateway()
    with plan_of([*map(phone_of, range(30)), "bad", phone_of(3)]) as plan:
        assert Dispatch(gateway, plan, batch_size=size, max_in_flight=window).run() is None
        assert statuses_of(plan) == ["accepted"] * 30 + ["invalid", "duplicate"]
        for result in plan.results(Status.ACCEPTED):
            assert result.client_id_sms is not None
            assert result.id_sms == gateway.ledger[result.client_id_sms]
    assert sum(gateway.requests) == len(gateway.ledger) == 30
    assert max(gateway.requests) == min(size, 30)


def test_an_empty_plan_makes_no_request() -> None:
    gateway = Gateway()
    settled: list[int] = []
    with plan_of(["bad"]) as plan:
        assert Dispatch(gateway, plan, progress=settled.append).run() is None
    assert gateway.requests == []
    assert settled == [0]


def test_by_default_batches_hold_500_and_four_fly() -> None:
    gateway = Slow()

    def let_go_when_four_fly() -> None:
        for _ in range(4):
            gateway.asked.acquire(timeout=PATIENCE)
        gateway.go.set()

    with plan_of(2_600) as plan, in_background(let_go_when_four_fly):
        assert Dispatch(gateway, plan).run() is None
    assert gateway.requests == [500] * 5 + [100]
    assert gateway.most_in_flight == 4


@pytest.mark.parametrize("window", [1, 2, 5])
def test_no_more_requests_fly_than_the_window_allows(window: int) -> None:
    gateway = Slow()

    def let_go_when_the_window_is_full() -> None:
        for _ in range(window):
            assert gateway.asked.acquire(timeout=PATIENCE)
        assert not gateway.asked.acquire(timeout=0.05)
        gateway.go.set()

    with plan_of(20) as plan, in_background(let_go_when_the_window_is_full):
        assert Dispatch(gateway, plan, batch_size=2, max_in_flight=window).run() is None
    assert gateway.most_in_flight == window
    assert len(gateway.requests) == 10


@pytest.mark.parametrize("window", [1, 3])
def test_as_many_batches_are_laid_out_as_fly(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = Plan.batches
    given_out: list[int] = []

    def count(plan: Plan, size: int) -> Iterator[list[Message]]:
        for batch in batches(plan, size):
            given_out.append(len(batch))
            yield batch

    monkeypatch.setattr(Plan, "batches", count)
    gateway = Slow()

    def let_go_after_a_while() -> None:
        for _ in range(window):
            assert gateway.asked.acquire(timeout=PATIENCE)
        gateway.go.wait(0.05)
        assert len(given_out) == 2 * window
        gateway.go.set()

    with plan_of(20) as plan, in_background(let_go_after_a_while):
        assert Dispatch(gateway, plan, batch_size=2, max_in_flight=window).run() is None
    assert given_out == [2] * 10


def test_the_next_batch_leaves_before_the_books_of_the_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Plan.record
    gateway = Gateway()
    second_has_left = Event()

    def wait_and_record(plan: Plan, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> None:
        assert second_has_left.wait(PATIENCE)
        record(plan, messages, outcomes)

    def answer(messages: Sequence[Message]) -> list[Answer]:
        if messages[0].row > 1:
            second_has_left.set()
        return Gateway.answer(gateway, messages)

    monkeypatch.setattr(Plan, "record", wait_and_record)
    monkeypatch.setattr(gateway, "answer", answer)
    with plan_of(6) as plan:
        assert one_at_a_time(gateway, plan).run() is None
        assert statuses_of(plan) == ["accepted"] * 6


def test_progress_tells_how_many_messages_have_an_outcome() -> None:
    settled: list[int] = []
    with plan_of(7) as plan:
        one_at_a_time(Gateway(), plan, progress=settled.append).run()
    assert settled == sorted(settled)
    assert settled[0] == 0
    assert settled[-1] == 7
    assert set(settled) <= {0, 2, 4, 6, 7}


def test_progress_is_told_while_nothing_happens() -> None:
    gateway = Slow()
    told: list[int] = []

    def tell(settled: int) -> None:
        told.append(settled)
        if len(told) == 5:
            gateway.go.set()

    with plan_of(2) as plan:
        one_at_a_time(gateway, plan, progress=tell).run()
    assert told[:5] == [0] * 5
    assert told[-1] == 2


def test_a_send_that_waits_does_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_LOOK_UP", PATIENCE)
    gateway = Slow()
    told: list[int] = []

    def let_go_after_a_while() -> None:
        gateway.asked.acquire(timeout=PATIENCE)
        gateway.go.wait(0.05)
        gateway.go.set()

    with plan_of(2) as plan, in_background(let_go_after_a_while):
        one_at_a_time(gateway, plan, progress=told.append).run()
    assert told in ([0, 2], [0, 0, 2])
