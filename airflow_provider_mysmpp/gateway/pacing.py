"""Hold a rate of messages over any number of threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock

_LARGEST_BACKLOG = 1.0


class Pacer:
    """
    Give each group of messages its moment, so that the average never exceeds the rate.

    A group leaves only when the rate has earned it, the first one too. Time lost to a slow answer is made up for
    (up to a second of it, or a group's time if that is more), so that the rate holds with any number of requests in
    flight.

    :param per_second: Messages a second, more than 0.
    :param clock: Seconds that only grow; a test may pin it.
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._earned_at: float | None = None
        self._lock = Lock()

    def reserve(self, messages: int) -> float:
        """
        Return the seconds to wait before ``messages`` may leave.

        :param messages: How many leave together.
        """
        with self._lock:
            now = self._clock()
            period = messages / self._per_second
            backlog = max(_LARGEST_BACKLOG, period)
            earned_so_far = now if self._earned_at is None else max(self._earned_at, now - backlog)
            self._earned_at = earned_so_far + period
            return max(0.0, self._earned_at - now)

    def wait(self, messages: int, *, stop: Event) -> None:
        """
        Sleep until ``messages`` may leave, or until ``stop`` is set.

        :param messages: How many leave together.
        :param stop: Ends the wait early.
        """
        stop.wait(self.reserve(messages))
