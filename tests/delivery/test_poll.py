"""The looks of a trigger: their pauses, and what ends them."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

import pytest

from airflow_provider_mysmpp.delivery.goal import Goal
from airflow_provider_mysmpp.delivery.poll import Poll
from airflow_provider_mysmpp.delivery.watch import Watch
from airflow_provider_mysmpp.gateway.errors import GatewayError, RefusedError, UnavailableError
from airflow_provider_mysmpp.gateway.states import MessageState


class Clock:
    """A clock and a gateway that a test holds in its hands."""

    def __init__(self, *says: list[str | None] | GatewayError) -> None:
        self.now = 1_000.0
        self.says = list(says)

    def __call__(self) -> float:
        return self.now

    def get_states(self, ids: Any, **_: Any) -> list[MessageState]:
        said = self.says.pop(0)
        if isinstance(said, GatewayError):
            raise said
        return [MessageState(id_sms, said[int(id_sms) - 1]) for id_sms in ids]


def looks(clock: Clock, *, number: int, deadline: float = 10_000, **kwargs: Any) -> tuple[list[float], str | None]:
    ids = [str(number) for number in range(1, number + 1)]
    poll = Poll(Watch(ids, Goal()), deadline=deadline, pause=60, log=logging.getLogger(), clock=clock, **kwargs)
    pauses = [poll.pause]
    while clock.says and poll.reason is None:
        clock.now += poll.pause
        poll.look(clock, Event())
        pauses.append(poll.pause)
    return pauses, poll.reason


def test_pauses_grow_and_are_short_again_when_something_happens() -> None:
    still: list[str | None] = ["send"] * 20
    few, many = ["deliver", *still[1:]], ["deliver"] * 10 + still[10:]
    clock = Clock(still, still, still, few, many, still)
    assert looks(clock, number=20) == ([60, 60, 90, 135, 168.75, 60, 90], None)


@pytest.mark.parametrize(("longest", "last"), [(None, 600.0), (100.0, 100.0), (10.0, 60.0)])
def test_no_pause_is_longer_than_the_longest(longest: float | None, last: float) -> None:
    still: list[str | None] = ["send"]
    clock = Clock(*[still] * 20)
    assert looks(clock, number=1, longest_pause=longest, deadline=10**6)[0][-1] == last


def test_the_last_look_is_at_the_deadline() -> None:
    pauses, reason = looks(Clock(["send"], ["send"]), number=1, deadline=1_100)
    assert (pauses, reason) == ([60, 40, 0], "timeout")


def test_the_gateway_may_ask_to_wait() -> None:
    away = UnavailableError("busy", status_code=429, retry_after=500.0)
    assert looks(Clock(away, ["send"]), number=1)[0] == [60, 500, 60]


@pytest.mark.parametrize(
    ("error", "reason"), [(RefusedError("Account blocked"), "refused"), (UnavailableError("away"), None)]
)
def test_what_ends_the_looks(error: GatewayError, reason: str | None) -> None:
    assert looks(Clock(error), number=1)[1] == reason
