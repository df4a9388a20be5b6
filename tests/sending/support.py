"""What the tests of a send share: composers, plans, and gateways that do as they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_mysmpp.gateway.documents import Answer, Message
from airflow_provider_mysmpp.gateway.errors import GatewayError
from airflow_provider_mysmpp.sending.composer import Composer
from airflow_provider_mysmpp.sending.dispatch import Dispatch
from airflow_provider_mysmpp.sending.identity import Identities
from airflow_provider_mysmpp.sending.outcomes import Outcome, Status
from airflow_provider_mysmpp.sending.plan import Plan
from airflow_provider_mysmpp.sending.validity import ValidityClock

NOW = datetime(2031, 5, 5, 12, 0, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
FIRST_PHONE = 79612240000
PATIENCE = 10.0
"""Seconds after which a test that waits in vain gives up."""

Step = list[Answer] | Exception | Callable[[Sequence[Message]], list[Answer]]
"""What a scripted gateway does with a request."""


def composer_of(**more: Any) -> Composer:
    """Return a composer, with other parameters than the usual ones where they are given."""
    parameters = {
        "identities": Identities("dag/task/run", "Hello"),
        "clock": ValidityClock(MOSCOW, now=NOW),
        "text": "Hello",
        "sender": "SHOP",
        "channel": "sms",
    }
    return Composer(**{**parameters, **more})


def phone_of(number: int) -> str:
    """Return a phone."""
    return str(FIRST_PHONE + number)


def plan_of(rows: Iterable[Any] | int, **more: Any) -> Plan:
    """Return a plan that is loaded with these rows, or with as many good ones."""
    plan = Plan()
    plan.load(map(phone_of, range(rows)) if isinstance(rows, int) else rows, composer_of(**more))
    return plan


def statuses_of(plan: Plan) -> list[str]:
    """Return the status of each row that has an outcome, in the order of the rows."""
    return [result.status for result in plan.results()]


def settle(plan: Plan, size: int = 500) -> None:
    """Give every message that is to be sent an id."""
    for batch in plan.batches(size):
        plan.record(batch, accepted(*[10_000 + message.row for message in batch]))


def accepted(*ids: int | str) -> list[Outcome]:
    """Return an outcome for each id."""
    return [Outcome(Status.ACCEPTED, str(id_sms)) for id_sms in ids]


class Scripted:
    """A gateway that does one step of a script for each request, the last one for all further ones."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.asked: list[list[str]] = []

    def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
        """Do the next step."""
        self.asked.append([message.phone for message in messages])
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step(messages) if callable(step) else step


class Gateway:
    """A gateway in good health: a number for each identity, the same one for the same identity."""

    def __init__(self) -> None:
        self.ledger: dict[str, str] = {}
        self.requests: list[int] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = Lock()

    def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
        """Take the messages."""
        with self._lock:
            self.requests.append(len(messages))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return self.answer(messages)
        finally:
            with self._lock:
                self.in_flight -= 1

    def answer(self, messages: Sequence[Message]) -> list[Answer]:
        """Return what the gateway says about each message."""
        return [Answer(self.take(message), None) for message in messages]

    def take(self, message: Message) -> str:
        """Put a message in the ledger and return its number."""
        with self._lock:
            return self.ledger.setdefault(message.client_id_sms, str(5_000 + len(self.ledger)))


class Failing(Gateway):
    """A gateway that does something else with some requests, counted from 1."""

    def __init__(self, deeds: dict[int, Callable[[Sequence[Message]], list[Answer]] | GatewayError]) -> None:
        super().__init__()
        self._deeds = deeds

    def answer(self, messages: Sequence[Message]) -> list[Answer]:
        """Fail, or answer like any other."""
        deed = self._deeds.get(len(self.requests)) or self._deeds.get(0)
        if isinstance(deed, GatewayError):
            raise deed
        return deed(messages) if deed else super().answer(messages)


class Slow(Gateway):
    """A gateway that keeps its answers back until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = Event()
        self.asked = threading.Semaphore(0)

    def answer(self, messages: Sequence[Message]) -> list[Answer]:
        """Wait, then answer."""
        self.asked.release()
        self.go.wait(PATIENCE)
        return super().answer(messages)


@contextmanager
def in_background(work: Callable[[], object]) -> Iterator[None]:
    """Run something beside the test, and see to it that it ends."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE)
    assert not thread.is_alive()


def one_at_a_time(gateway: Gateway, plan: Plan, **more: object) -> Dispatch:
    """Return a send of batches of two, one request after another."""
    return Dispatch(gateway, plan, **{"batch_size": 2, "max_in_flight": 1, **more})  # type: ignore[arg-type]
