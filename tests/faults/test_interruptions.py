"""Exceptions thrown into the waiting thread, as Airflow's signals and timeouts are: at any moment, nothing is lost."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_mysmpp.gateway.documents import Answer, Message
from airflow_provider_mysmpp.gateway.errors import StoppedError
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sending.composer import Composer
from airflow_provider_mysmpp.sending.dispatch import Dispatch
from airflow_provider_mysmpp.sending.draft import Draft
from airflow_provider_mysmpp.sending.identity import Identities
from airflow_provider_mysmpp.sending.plan import Plan
from airflow_provider_mysmpp.sending.validity import ValidityClock
from tests.support import senders

from .attempts import PHONES, TaskInstance, attempt, prepare
from .ledger import assert_true

ROUNDS: Final = 150

pytestmark = [
    # An interruption within coverage's own bookkeeping would leave its lock closed for ever.
    pytest.mark.no_cover,
    # The usual way takes the timer that these tests take.
    pytest.mark.timeout(300, method="thread"),
]


class Interruption(BaseException):
    """What Airflow throws into a task: no Exception, so that tasks don't catch it."""


@contextmanager
def interrupted(seconds: float) -> Iterator[None]:
    """Throw an :class:`Interruption` into the main thread after some time."""

    def throw(*_: object) -> None:
        raise Interruption

    before = signal.signal(signal.SIGALRM, throw)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class QuickClient:
    """A gateway without a network, which counts whom it answered."""

    def __init__(self) -> None:
        self.answered = 0
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Message], *, stop: threading.Event) -> list[Answer]:
        """Answer each message with an id of its own."""
        if stop.is_set():
            raise StoppedError("The send was stopped", maybe_sent=False)
        time.sleep(0.001)
        with self._lock:
            first = self.answered
            self.answered += len(messages)
        return [Answer(str(1_000_000 + first + offset), None) for offset in range(len(messages))]


@pytest.fixture
def plan() -> Iterator[Callable[[], Plan]]:
    """Make plans of 400 messages."""
    plans: list[Plan] = []

    def make() -> Plan:
        clock = ValidityClock(ZoneInfo("Europe/Moscow"))
        identities = Identities("run", "x")
        composer = Composer(identities=identities, clock=clock, text="x", sender="SHOP", channel="sms")
        plans.append(Plan())
        plans[-1].load(PHONES[:400], composer)
        return plans[-1]

    yield make
    for made in plans:
        made.__exit__()


def test_whenever_it_comes_no_answer_is_lost(plan: Callable[[], Plan]) -> None:
    dice = random.Random(11)
    interruptions = 0
    for _ in range(ROUNDS):
        client, books = QuickClient(), plan()
        dispatch = Dispatch(client, books, batch_size=4, max_in_flight=3)
        try:
            with interrupted(dice.uniform(0.0002, 0.06)):
                dispatch.run()
        except Interruption:
            interruptions += 1
        books.finish(None)
        counts = books.counts()
        assert counts.get("accepted", 0) == client.answered
        assert sum(counts.values()) == 400
    assert interruptions > ROUNDS // 2


def test_no_thread_is_left_behind(plan: Callable[[], Plan]) -> None:
    before = senders()
    Dispatch(QuickClient(), plan(), batch_size=4, max_in_flight=3).run()
    assert senders() == before


def test_a_defect_of_a_worker_comes_out_where_it_can_be_seen(plan: Callable[[], Plan]) -> None:
    class Broken:
        def send(self, messages: Sequence[Message], *, stop: threading.Event) -> list[Answer]:
            raise MemoryError

    books = plan()
    with pytest.raises(MemoryError):
        Dispatch(Broken(), books, batch_size=4, max_in_flight=3).run()
    books.finish(None)
    counts = books.counts()
    assert counts["unknown"] in (4, 8, 12), "as many batches as had left when the first worker met it"
    assert counts["unsent"] == 400 - counts["unknown"]


def test_what_is_in_flight_is_awaited_and_pushed(gateway: SandboxServer) -> None:
    gateway.add_fault("delay", seconds=0.4, times=None)
    with interrupted(1.5):
        done = attempt(recipients=PHONES[:400], batch_size=10, max_in_flight=2)
    assert done.verdict == "Interruption", "Airflow gets its own exception back"
    assert done.summary["accepted"] == len(gateway.messages()) > 0
    assert_true(done, gateway, rows=400)
    assert set(done.counts) == {"accepted", "unsent"}
    assert {one["error"] for one in done.failed} == {
        "the send stopped before an answer: the task was interrupted (Interruption)"
    }


def test_an_answer_that_does_not_come_is_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    with SandboxServer() as gateway:  # one of its own, whose end ends the requests that hang
        monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection())
        gateway.add_fault("delay", seconds=3600, times=None)
        with interrupted(0.5):
            done = attempt(recipients=PHONES[:40], batch_size=10, max_in_flight=2)
        assert done.verdict == "Interruption"
        assert done.counts == {"unknown": 20, "unsent": 20}
        assert len(gateway.messages()) == 20
        assert_true(done, gateway, rows=40)
    for thread in senders():
        thread.join(30)
    assert senders() == []


def test_an_interruption_while_results_are_written_loses_none_of_them(
    gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interruptions = iter([Interruption()])
    hand_over = Draft.hand_over

    def interrupt(*arguments: Any) -> None:
        for interruption in interruptions:
            raise interruption
        hand_over(*arguments)

    monkeypatch.setattr(Draft, "hand_over", interrupt)
    path = tmp_path / "results.csv"
    done = attempt(recipients=PHONES[:5], results_path=str(path))
    assert done.verdict == "Interruption"
    assert done.counts == {"accepted": 5}
    assert done.mapping == str(path)
    assert len(path.read_text().splitlines()) == 6


def test_a_push_that_airflow_refuses_does_not_hide_the_interruption(
    gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: TaskInstance, key: str, value: Any) -> None:
        raise RuntimeError(f"{key}: the task is not running any more: {str(value)[:10]}")

    monkeypatch.setattr(TaskInstance, "xcom_push", refuse)
    gateway.add_fault("delay", seconds=0.4, times=None)
    with interrupted(1.0):
        done = attempt(recipients=PHONES[:400], batch_size=10, max_in_flight=2)
    assert isinstance(done.error, Interruption)


def test_on_kill_stops_a_send_that_nothing_interrupts(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow 3 calls ``on_kill`` in its handler of SIGTERM and lets the task go on."""
    from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

    gateway.add_fault("delay", seconds=0.4, times=None)
    running: list[MySmppSendOperator] = []
    execute = MySmppSendOperator._execute

    def remember(self: MySmppSendOperator, context: Any) -> Any:
        running.append(self)
        return execute(self, context)

    monkeypatch.setattr(MySmppSendOperator, "_execute", remember)
    before = signal.signal(signal.SIGALRM, lambda *_: running[0].on_kill())
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    try:
        done = attempt(recipients=PHONES[:400], batch_size=10, max_in_flight=2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert done.verdict == "retry"
    assert "The task was told to stop" in str(done.error)
    assert done.summary["accepted"] == len(gateway.messages()) > 0
    assert set(done.counts) == {"accepted", "unsent"}
    assert_true(done, gateway, rows=400)


def test_on_kill_before_the_task_began_does_nothing(gateway: SandboxServer) -> None:
    task = prepare(recipients=PHONES[:2])
    task.operator.on_kill()
    assert task.run().verdict == "success"
