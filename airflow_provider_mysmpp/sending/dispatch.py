"""Batches in a bounded window of requests in flight, and their outcomes back into the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Final

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import CollisionError, MySmppError, StoppedError
from airflow_provider_mysmpp.sending.delivery import Client, Delivery, deliver
from airflow_provider_mysmpp.sending.outcomes import Outcome
from airflow_provider_mysmpp.sending.plan import Plan

_MOST_DOUBTFUL: Final = 3
"""Batches in a row without one certain outcome, after which the gateway is left alone."""

_GRACE: Final = 2.0
"""Seconds that a send which is told to stop waits for its answers; Airflow 3 kills a task five seconds after asking."""

_LOOK_UP: Final = 0.5
"""Seconds after which a waiting send looks up, for its stop event and its progress."""


class Dispatch:
    """
    Send a plan.

    :param client: The gateway's client.
    :param plan: The checked messages; it takes in the outcomes.
    :param batch_size: Messages a request, at most.
    :param max_in_flight: Requests at once.
    :param stop: Set from outside (a signal, say), it ends the send: nothing more leaves, what is in flight is awaited
        briefly.
    :param progress: Called with the number of messages that have an outcome, at least twice a second.
    """

    def __init__(
        self,
        client: Client,
        plan: Plan,
        *,
        batch_size: int = 500,
        max_in_flight: int = 4,
        stop: Event | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._plan = plan
        self._batches = plan.batches(batch_size)
        self._window = max_in_flight
        self._told_to_stop = stop or Event()
        self._progress = progress
        self._hold = Event()  # what the workers obey: set on any reason to stop
        self._flying: dict[Future[Delivery], list[Message]] = {}
        self._cause: MySmppError | None = None
        self._doubtful = 0
        self._settled = 0

    def run(self) -> MySmppError | None:
        """
        Send until the plan is empty or a reason to stop comes up; return that reason.

        Whatever ends it, also an exception thrown into the waiting thread by a signal, the answers that have come in
        are in the plan afterwards.
        """
        pool = ThreadPoolExecutor(self._window, thread_name_prefix="mysmpp")
        try:
            self._send(pool)
        finally:
            self._hold.set()
            self._land()
            # Nobody waits for an answer that is still out: a thread may hang in a read for a minute.
            pool.shutdown(wait=not self._flying, cancel_futures=True)
        return self._cause

    def _send(self, pool: ThreadPoolExecutor) -> None:
        while not self._told_to_stop.is_set():
            landed = [future for future in self._flying if future.done()]
            self._heed(landed)
            self._fill(pool, len(self._flying) - len(landed))
            for future in landed:  # after the window is full again: the gateway never waits for the books
                self._keep(future)
            self._progress(self._settled)
            if not self._flying:
                return
            wait(self._flying, timeout=_LOOK_UP, return_when=FIRST_COMPLETED)
        self._stop(StoppedError("The task was told to stop", maybe_sent=False))

    def _heed(self, landed: Iterable[Future[Delivery]]) -> None:
        """Learn of reasons to stop before anything more leaves."""
        for future in landed:
            delivery = future.result()
            self._doubtful = self._doubtful + 1 if delivery.doubt else 0
            if (collision := collision_of(delivery.outcomes)) is not None:
                self._stop(collision)
            if delivery.stop is not None:
                self._stop(delivery.stop)
            elif delivery.doubt is not None and self._doubtful >= _MOST_DOUBTFUL:
                self._stop(delivery.doubt)

    def _fill(self, pool: ThreadPoolExecutor, flying: int) -> None:
        for _ in range(self._window - flying):
            if self._cause is not None or (batch := next(self._batches, None)) is None:
                return
            self._flying[pool.submit(deliver, self._client, batch, stop=self._hold)] = batch

    def _keep(self, future: Future[Delivery]) -> None:
        """Put the outcomes of a batch into the plan. Only then is it forgotten here."""
        batch = self._flying[future]
        try:
            self._plan.record(batch, future.result().outcomes)
        except CollisionError as error:
            self._stop(error)
        del self._flying[future]
        self._settled += len(batch)

    def _land(self) -> None:
        """Wait briefly for what is in flight, and keep what has come in."""
        landed, _ = wait(self._flying, timeout=_GRACE)
        for future in landed:
            if future.exception() is None:
                self._keep(future)

    def _stop(self, cause: MySmppError) -> None:
        self._cause = self._cause or cause
        self._hold.set()


def collision_of(outcomes: Sequence[Outcome]) -> CollisionError | None:
    """
    Return what is wrong with a batch in which one ``id_sms`` stands twice, or None.

    The plan finds that too, over all batches, but only after the next ones have left.

    :param outcomes: The outcomes of one batch.
    """
    ids = [outcome.id_sms for outcome in outcomes if outcome.id_sms is not None]
    if len(set(ids)) == len(ids):
        return None
    return CollisionError(Counter(ids).most_common(1)[0][0])
