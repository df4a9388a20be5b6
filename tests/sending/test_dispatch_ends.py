"""Every way in which a send may end before its plan is empty, and what becomes of the rest."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from threading import Event

import pytest

from airflow_provider_mysmpp.gateway.documents import Answer, Message
from airflow_provider_mysmpp.gateway.errors import (
    AmbiguousError,
    CollisionError,
    GatewayError,
    RefusedError,
    StoppedError,
    UnavailableError,
)
from airflow_provider_mysmpp.sending.dispatch import Dispatch, collision_of
from airflow_provider_mysmpp.sending.outcomes import Outcome, Status
from airflow_provider_mysmpp.sending.plan import Plan
from tests.sending.support import (
    PATIENCE,
    Failing,
    Gateway,
    Slow,
    accepted,
    in_background,
    one_at_a_time,
    plan_of,
    statuses_of,
)
from tests.support import senders

pytestmark = pytest.mark.usefixtures("quick")

# Reasons to stop


@pytest.mark.parametrize(
    ("error", "second"),
    [
        (UnavailableError("gone"), "unknown"),
        (UnavailableError("gone", maybe_sent=False), "unsent"),
        (RefusedError("Account blocked"), "rejected"),
        (RefusedError("Out of SMS"), "rejected"),
    ],
)
def test_a_gateway_that_stays_away_or_refuses_the_account_is_left_alone(error: GatewayError, second: str) -> None:
    gateway = Failing({2: error})
    with plan_of(8) as plan:
        cause = one_at_a_time(gateway, plan).run()
        assert cause is error
        plan.finish(cause)
        assert statuses_of(plan) == ["accepted"] * 2 + [second] * 2 + ["unsent"] * 4
        assert {result.code for result in plan.results(Status.UNSENT)} == {error.code}
    assert gateway.requests == [2, 2]


def test_what_flies_when_a_reason_to_stop_comes_up_is_still_kept() -> None:
    flies = Event()

    class FirstFails(Gateway):
        def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
            if messages[0].row == 1:
                flies.wait(PATIENCE)
                raise UnavailableError("gone", maybe_sent=False)
            flies.set()
            stop.wait(PATIENCE)
            return super().send(messages, stop=stop)

    gateway = FirstFails()
    with plan_of(8) as plan:
        cause = Dispatch(gateway, plan, batch_size=2, max_in_flight=2).run()
        plan.finish(cause)
        assert statuses_of(plan) == ["unsent"] * 2 + ["accepted"] * 2 + ["unsent"] * 4


def test_the_first_reason_to_stop_is_the_one_that_is_told() -> None:
    first, second = UnavailableError("first"), UnavailableError("second")
    gateway = Failing({1: first, 2: second})
    with plan_of(8) as plan:
        assert one_at_a_time(gateway, plan).run() is first
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("doubt", [AmbiguousError("miscount"), RefusedError("words that nobody knows")])
def test_three_batches_in_a_row_without_a_certain_outcome_end_the_send(doubt: GatewayError) -> None:
    gateway = Failing({0: doubt})
    with plan_of(6) as plan:
        cause = one_at_a_time(gateway, plan, batch_size=1).run()
        assert cause is doubt
        plan.finish(cause)
        assert statuses_of(plan) == ["unknown"] * 3 + ["unsent"] * 3
    assert gateway.requests == [1, 1, 1]


def test_two_doubtful_batches_and_a_certain_one_end_nothing() -> None:
    doubt = AmbiguousError("miscount")
    gateway = Failing({1: doubt, 2: doubt, 4: doubt, 5: doubt})
    with plan_of(6) as plan:
        assert one_at_a_time(gateway, plan, batch_size=1).run() is None
        assert statuses_of(plan) == ["unknown", "unknown", "accepted", "unknown", "unknown", "accepted"]


# One id for several messages


def test_one_id_for_a_whole_batch_lets_nothing_more_leave() -> None:
    gateway = Failing({2: lambda messages: [Answer("7", None)] * len(messages)})
    with plan_of(8) as plan:
        cause = one_at_a_time(gateway, plan).run()
        assert isinstance(cause, CollisionError)
        assert cause.id_sms == "7"
        plan.finish(cause)
        assert statuses_of(plan) == ["unknown"] * 4 + ["unsent"] * 4
    assert gateway.requests == [2, 2]


def test_one_id_in_two_batches_takes_back_what_was_accepted() -> None:
    gateway = Failing({2: lambda messages: [Answer("5000", None), Answer("9", None)]})
    with plan_of(8) as plan:
        cause = one_at_a_time(gateway, plan).run()
        assert isinstance(cause, CollisionError)
        assert cause.id_sms == "5000"
        plan.finish(cause)
        assert "accepted" not in plan.counts()
        assert sum(plan.counts().values()) == 8
    # one more may have left, since the books are kept while it flies
    assert len(gateway.requests) <= 3


def test_a_collision_among_the_last_answers_is_told_too() -> None:
    stop = Event()
    both_fly = threading.Barrier(2, action=stop.set)

    class Colliding(Gateway):
        def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
            both_fly.wait(PATIENCE)
            stop.wait(PATIENCE)  # until the send has heard that it is to stop
            return [Answer("7", None) for _ in messages]

    with plan_of(4) as plan:
        cause = Dispatch(Colliding(), plan, batch_size=1, max_in_flight=2, stop=stop).run()
        assert isinstance(cause, CollisionError), "which forbids another try, whatever came before"
        plan.finish(cause)
        assert plan.counts() == {"unknown": 2, "unsent": 2}
        assert {result.code for result in plan.results(Status.UNKNOWN)} == {"collision"}


@pytest.mark.parametrize(
    ("ids", "collision"),
    [([], None), (["7"], None), (["7", "8"], None), (["7", "8", "7"], "7"), (["8", "7", "7", "8", "7"], "7")],
)
def test_a_batch_with_one_id_twice_is_a_collision(ids: list[str], collision: str | None) -> None:
    outcomes = [*accepted(*ids), Outcome(Status.UNKNOWN), Outcome(Status.UNKNOWN)]
    found = collision_of(outcomes)
    assert (found.id_sms if found else None) == collision


# Told to stop


def test_a_send_that_is_told_to_stop_before_it_begins_sends_nothing() -> None:
    stop = Event()
    stop.set()
    gateway = Gateway()
    with plan_of(3) as plan:
        cause = Dispatch(gateway, plan, stop=stop).run()
        assert isinstance(cause, StoppedError)
        assert not cause.maybe_sent
        plan.finish(cause)
        assert statuses_of(plan) == ["unsent"] * 3
    assert gateway.requests == []


def test_a_send_that_is_told_to_stop_awaits_what_flies() -> None:
    stop = Event()
    gateway = Slow()

    def stop_when_one_flies() -> None:
        gateway.asked.acquire(timeout=PATIENCE)
        stop.set()
        gateway.go.set()

    with plan_of(8) as plan, in_background(stop_when_one_flies):
        cause = one_at_a_time(gateway, plan, stop=stop).run()
        plan.finish(cause)
        assert isinstance(cause, StoppedError)
        assert "told to stop" in str(cause)
        counts = plan.counts()
        assert counts["accepted"] + counts["unsent"] == 8
        assert counts["accepted"] >= 2


def test_what_is_laid_out_does_not_leave_after_the_word_to_stop() -> None:
    stop = Event()

    class Stopping(Gateway):
        def answer(self, messages: Sequence[Message]) -> list[Answer]:
            stop.set()
            return super().answer(messages)

    gateway = Stopping()

    def hang(settled: int) -> None:  # as the waiting thread may, within the books, say
        stop.wait(PATIENCE)
        while len(gateway.ledger) < 2:
            time.sleep(0.001)
        time.sleep(0.02)

    with plan_of(8) as plan:
        cause = one_at_a_time(gateway, plan, stop=stop, progress=hang).run()
        plan.finish(cause)
        assert statuses_of(plan) == ["accepted"] * 2 + ["unsent"] * 6
        assert {result.error for result in plan.results(Status.UNSENT)} == {
            "the send stopped before an answer: The task was told to stop"
        }
    assert gateway.requests == [2]


def test_an_answer_that_does_not_come_in_time_is_not_awaited() -> None:
    stop = Event()
    gateway = Slow()

    def stop_when_one_flies() -> None:
        gateway.asked.acquire(timeout=PATIENCE)
        stop.set()

    with plan_of(8) as plan, in_background(stop_when_one_flies):
        cause = one_at_a_time(gateway, plan, stop=stop).run()
        plan.finish(cause)
        assert statuses_of(plan) == ["unknown"] * 2 + ["unsent"] * 6
        assert {result.code for result in plan.results()} == {"stopped"}
        gateway.go.set()


def test_workers_hear_of_the_stop() -> None:
    heard = Event()
    stop = Event()

    class Listening(Gateway):
        def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
            told.set()
            if stop.wait(PATIENCE):
                heard.set()
            raise StoppedError("stopped", maybe_sent=False)

    told = Event()

    def stop_when_one_flies() -> None:
        told.wait(PATIENCE)
        stop.set()

    with plan_of(4) as plan, in_background(stop_when_one_flies):
        cause = one_at_a_time(Listening(), plan, stop=stop).run()
        plan.finish(cause)
        assert statuses_of(plan) == ["unsent"] * 4
    assert heard.is_set()


# Exceptions


class Interrupt(BaseException):
    """What Airflow throws into a task's thread."""


def test_an_exception_in_the_waiting_thread_keeps_what_has_come_in() -> None:
    def interrupt(settled: int) -> None:
        if settled >= 4:
            raise Interrupt

    gateway = Gateway()
    with plan_of(20) as plan:
        with pytest.raises(Interrupt):
            one_at_a_time(gateway, plan, progress=interrupt).run()
        plan.finish(StoppedError("interrupted"))
        assert plan.counts()["accepted"] == sum(gateway.requests) >= 4
        assert sum(plan.counts().values()) == 20


@pytest.mark.no_cover  # an interruption within coverage's own bookkeeping would leave its lock closed for ever
def test_a_signal_in_the_waiting_thread_keeps_what_has_come_in() -> None:
    class Signalling(Gateway):
        def answer(self, messages: Sequence[Message]) -> list[Answer]:
            if messages[0].row == 5:
                signal.raise_signal(signal.SIGUSR1)  # its handler runs in the main thread, which waits
            return super().answer(messages)

    def interrupt(*_: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with plan_of(40) as plan:
            with pytest.raises(Interrupt):
                one_at_a_time(Signalling(), plan).run()
            plan.finish(StoppedError("interrupted"))
            assert statuses_of(plan)[:4] == ["accepted"] * 4
            assert sum(plan.counts().values()) == 40
            assert plan.counts()["unsent"] > 0
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_exception_between_the_books_and_the_forgetting_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Plan.record
    interrupted = iter([False, True])

    def record_and_interrupt(plan: Plan, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> None:
        record(plan, messages, outcomes)
        if next(interrupted, False):
            raise Interrupt

    monkeypatch.setattr(Plan, "record", record_and_interrupt)
    gateway = Gateway()
    with plan_of(20) as plan:
        with pytest.raises(Interrupt):
            one_at_a_time(gateway, plan).run()
        plan.finish(StoppedError("interrupted"))
        assert plan.counts()["accepted"] == sum(gateway.requests)
        assert sum(plan.counts().values()) == 20


def test_an_error_of_the_program_in_one_request_is_not_hidden_and_costs_no_other_answer() -> None:
    def bug(_: Sequence[Message]) -> list[Answer]:
        raise KeyError("bug")

    gateway = Failing({2: bug})
    with plan_of(8) as plan:
        with pytest.raises(KeyError):
            one_at_a_time(gateway, plan).run()
        plan.finish(StoppedError("a bug"))
        assert statuses_of(plan) == ["accepted"] * 2 + ["unknown"] * 2 + ["unsent"] * 4


def test_an_error_of_the_program_is_not_hidden_by_the_end_of_the_send() -> None:
    told_to_stop = Event()

    class Broken(Gateway):
        def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
            told_to_stop.set()
            stop.wait(PATIENCE)
            raise KeyError("bug")

    with plan_of(8) as plan:
        with pytest.raises(KeyError):
            one_at_a_time(Broken(), plan, stop=told_to_stop).run()
        plan.finish(StoppedError("a bug"))
        assert statuses_of(plan) == ["unknown"] * 2 + ["unsent"] * 6


def test_no_thread_is_left_behind() -> None:
    with plan_of(20) as plan:
        Dispatch(Gateway(), plan, batch_size=2).run()
    assert senders() == []


def test_a_thread_that_hangs_holds_nobody_up() -> None:
    stop = Event()
    gateway = Slow()

    def stop_when_one_flies() -> None:
        gateway.asked.acquire(timeout=PATIENCE)
        stop.set()

    with plan_of(2) as plan, in_background(stop_when_one_flies):
        one_at_a_time(gateway, plan, stop=stop).run()
        hanging = senders()
        assert len(hanging) == 1
    gateway.go.set()
    hanging[0].join(PATIENCE)
    assert not hanging[0].is_alive()
