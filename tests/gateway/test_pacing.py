"""A rate holds over any number of threads, on average and at every moment."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.pacing import Pacer


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def departures(*, rate: float, batch: int, workers: int, answer_takes: float, seconds: float) -> list[float]:
    """Return the moments at which batches leave, counted from the start, with so many workers over a pacer."""
    clock = Clock(0.0)
    pacer = Pacer(rate, clock=clock)
    ready = [(0.0, worker) for worker in range(workers)]
    left: list[float] = []
    while ready[0][0] < seconds:
        clock.now, worker = heapq.heappop(ready)
        leaves_at = clock.now + pacer.reserve(batch)
        left.append(leaves_at)
        heapq.heappush(ready, (leaves_at + answer_takes, worker))
    return sorted(left)


@pytest.mark.parametrize("workers", [1, 2, 7, 40])
@pytest.mark.parametrize(("rate", "batch"), [(100.0, 1), (100.0, 10), (1_000.0, 500), (3.0, 7)])
def test_the_rate_is_held_within_five_percent_with_any_number_of_workers(rate: float, batch: int, workers: int) -> None:
    answer_takes = min(0.9, 0.5 * batch / rate)
    left = departures(rate=rate, batch=batch, workers=workers, answer_takes=answer_takes, seconds=300.0)
    messages = batch * sum(moment <= 300.0 for moment in left)
    assert 0.95 * rate * 300.0 <= messages <= 1.05 * rate * 300.0


@given(
    rate=st.floats(0.5, 5_000),
    batch=st.integers(1, 500),
    workers=st.integers(1, 20),
    answer_takes=st.floats(0, 3),
    start=st.integers(0, 50),
    length=st.integers(1, 50),
)
def test_no_stretch_of_time_sees_more_than_the_rate_and_one_second_or_group_of_it(
    *, rate: float, batch: int, workers: int, answer_takes: float, start: int, length: int
) -> None:
    seconds = min(20.0, 100 * batch / rate)
    left = departures(rate=rate, batch=batch, workers=workers, answer_takes=answer_takes, seconds=seconds)
    stretch = left[start : start + length]
    if stretch:
        earned = rate * (stretch[-1] - stretch[0] + max(1.0, batch / rate)) + batch
        assert batch * len(stretch) <= earned * 1.0001


@pytest.mark.parametrize(("rate", "workers", "answer_takes"), [(0.5, 1, 1.9), (0.1, 1, 8.0), (0.5, 4, 7.9)])
def test_a_rate_below_one_a_second_is_held_through_slow_answers(rate: float, workers: int, answer_takes: float) -> None:
    seconds = 600 / rate
    left = departures(rate=rate, batch=1, workers=workers, answer_takes=answer_takes, seconds=seconds)
    assert sum(moment <= seconds for moment in left) == pytest.approx(600, rel=0.05)


def test_the_first_group_waits_until_the_rate_has_earned_it() -> None:
    pacer = Pacer(100.0, clock=Clock())
    assert pacer.reserve(50) == pytest.approx(0.5)


def test_each_group_waits_for_the_ones_before_it() -> None:
    pacer = Pacer(100.0, clock=Clock())
    assert [pacer.reserve(100) for _ in range(3)] == pytest.approx([1.0, 2.0, 3.0])


def test_time_lost_is_made_up_for_but_no_more_than_a_second_of_it() -> None:
    clock = Clock()
    pacer = Pacer(100.0, clock=clock)
    assert pacer.reserve(50) == pytest.approx(0.5)
    clock.now += 1.0
    assert pacer.reserve(50) == pytest.approx(0.0)
    assert pacer.reserve(50) == pytest.approx(0.5)
    clock.now += 3_600.0
    assert pacer.reserve(100) == pytest.approx(0.0)
    assert pacer.reserve(1) == pytest.approx(0.01)


def test_a_wait_is_never_negative() -> None:
    clock = Clock()
    pacer = Pacer(100.0, clock=clock)
    pacer.reserve(1)
    clock.now += 0.9
    assert pacer.reserve(1) == 0.0


def test_the_rate_starts_with_the_first_group_not_with_the_pacer() -> None:
    clock = Clock()
    pacer = Pacer(100.0, clock=clock)
    clock.now += 3_600.0  # a long list is read
    assert pacer.reserve(50) == pytest.approx(0.5)


def test_threads_share_one_rate() -> None:
    pacer = Pacer(1_000.0, clock=Clock())
    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(lambda _: pacer.reserve(1), range(2_000)))
    assert waits == pytest.approx([number / 1_000 for number in range(1, 2_001)])


def test_a_stop_ends_the_wait() -> None:
    stop = Event()
    stop.set()
    Pacer(0.001).wait(1_000, stop=stop)  # would take eleven days


def test_a_wait_is_slept() -> None:
    class Slept(Event):
        seconds: float | None = None

        def wait(self, timeout: float | None = None) -> bool:
            self.seconds = timeout
            return False

    stop = Slept()
    Pacer(10.0, clock=Clock()).wait(5, stop=stop)
    assert stop.seconds == pytest.approx(0.5)
