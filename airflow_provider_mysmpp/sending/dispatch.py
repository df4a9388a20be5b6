"""
Send batches, so many requests at once and no more, and bring their outcomes back into the plan.

A signal or a timeout of Airflow is an exception thrown into the main thread wherever it is. So that thread waits in C
alone (``SimpleQueue.get``), where none can land: within ``concurrent.futures`` one would leave a lock behind that its
owner never opens again, and the answers of the workers could not come in.
"""

from __future__ import annotations

import time
from _thread import start_new_thread
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final, TypeAlias

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import CollisionError, MySmppError, StoppedError
from airflow_provider_mysmpp.sending.batch import BatchResult, Client, send_batch
from airflow_provider_mysmpp.sending.outcomes import Outcome
from airflow_provider_mysmpp.sending.plan import Plan

_MOST_DOUBTFUL: Final = 3
"""Batches in a row without one certain outcome, after which the gateway is left alone."""

_GRACE: Final = 2.0
"""Seconds that a send which is told to stop waits for its answers; Airflow 3 kills a task five seconds after asking."""

_LOOK_UP: Final = 0.5
"""Seconds after which a thread that waits looks up: for the stop event and its progress, or for the end of the send."""

_LULL: Final = 0.005
"""Seconds without an answer after which a burst of them counts as over."""

_Landed: TypeAlias = tuple[list[Message], BatchResult | BaseException | None]
"""A batch and what became of it: its outcomes, the defect that its worker met, or None if it did not leave."""


class Dispatch:
    """
    Send a plan.

    :param client: The gateway's client.
    :param plan: The checked messages; it takes in the outcomes.
    :param batch_size: Messages a request, at most.
    :param max_in_flight: Requests at once.
    :param maybe_sent: True if an earlier try may have sent some of the messages.
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
        maybe_sent: bool = False,
        stop: Event | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._plan = plan
        self._batches = plan.batches(batch_size)
        self._window = max_in_flight
        self._maybe_sent = maybe_sent
        self._told_to_stop = stop or Event()
        self._progress = progress
        self._hold = Event()  # what the workers obey: set on any reason to stop
        self._workers: list[Thread] = []
        self._orders: SimpleQueue[list[Message] | None] = SimpleQueue()
        self._landed: deque[_Landed] = deque()
        self._news: SimpleQueue[None] = SimpleQueue()  # only wakes the waiting thread; what it tells is in _landed
        self._out = 0  # batches that are ordered and not yet back in the plan
        # Of the workers alone: an exception thrown into the waiting thread could leave it closed.
        self._judging = Lock()
        self._doubtful = 0
        self._cause: MySmppError | None = None
        self._defect: BaseException | None = None
        self._settled = 0
        self._over = False

    def run(self) -> MySmppError | None:
        """
        Send until the plan is empty or a reason to stop comes up; return that reason.

        Whatever ends it, also an exception thrown into the waiting thread by a signal, the answers that have come in
        are in the plan afterwards.
        """
        try:
            self._send()
        finally:
            self._over = True
            self._tell_workers_to_stop()
            self._land()
            for _ in range(self._window):
                self._orders.put(None)
            # Nobody waits for an answer that is still out: a thread may hang in a read for a minute.
            for worker in self._workers if not self._out else ():
                worker.join(_GRACE)
        if self._defect is not None:
            raise self._defect
        return self._cause

    def _send(self) -> None:
        while not self._told_to_stop.is_set():
            self._keep(1)
            self._order()
            self._progress(self._settled)
            if not self._out or self._defect is not None:
                return
            if not self._landed:
                self._wait(_LOOK_UP)
                self._let_workers_go_first()
        self._stop(StoppedError("The task was told to stop", maybe_sent=False))

    def _order(self) -> None:
        """
        Lay out as many batches as fly, so that a worker whose answer has come in never waits for its next one.

        Not more: an ``id_sms`` that two batches share comes up in the books, after others have left.
        """
        while self._out < 2 * self._window and self._cause is None and (batch := next(self._batches, None)) is not None:
            self._out += 1
            self._orders.put(batch)
            if len(self._workers) < self._window:
                # A daemon, since the end of the process does not wait for an answer either.
                worker = Thread(target=self._work, name=f"mysmpp_{len(self._workers)}", daemon=True)
                worker.start()
                self._workers.append(worker)

    def _work(self) -> None:
        while (batch := self._next_order()) is not None:
            result: BatchResult | BaseException | None = None
            if not (self._over or self._hold.is_set() or self._told_to_stop.is_set()):
                try:
                    result = send_batch(self._client, batch, stop=self._hold, maybe_sent=self._maybe_sent)
                except BaseException as error:  # noqa: BLE001  raised again in the thread that waits
                    result = error
            with self._judging:
                self._heed(result)
                self._landed.append((batch, result))
            self._news.put(None)

    def _next_order(self) -> list[Message] | None:
        """Wait for a batch; None at the end of the send, also if an interruption kept that from being told."""
        while not self._over:
            with suppress(Empty):
                return self._orders.get(timeout=_LOOK_UP)
        return None

    def _heed(self, result: BatchResult | BaseException | None) -> None:
        """Learn of a reason to stop before this worker or another lets anything more leave."""
        if isinstance(result, BatchResult):
            self._doubtful = self._doubtful + 1 if result.doubt else 0
            result.stop = collision_of(result.outcomes) or result.stop
            if self._doubtful >= _MOST_DOUBTFUL:
                result.stop = result.stop or result.doubt
            if result.stop is None:
                return
        self._hold.set()

    def _wait(self, seconds: float) -> None:
        """Wait until something lands; an interruption may come before or after, and costs nothing."""
        with suppress(Empty):
            self._news.get(timeout=seconds)

    def _let_workers_go_first(self) -> None:
        """
        Wait until answers have stopped coming in, or nothing is laid out any more.

        They come in bursts, and the books would keep the workers from sending their next batches: Python runs one
        thread at a time.
        """
        with suppress(Empty):
            while not self._orders.empty():
                self._news.get(timeout=_LULL)

    def _keep(self, most: int) -> None:
        """Put the outcomes of some batches into the plan. Only then are they forgotten here."""
        for _ in range(min(most, len(self._landed))):
            batch, result = self._landed[0]
            if isinstance(result, BatchResult):
                self._book(batch, result)
            elif result is None:
                self._plan.take_back(batch)
            else:
                self._defect = self._defect or result
            self._landed.popleft()
            self._out -= 1

    def _book(self, batch: list[Message], result: BatchResult) -> None:
        if result.stop is not None:
            self._stop(result.stop)
        try:
            self._plan.record(batch, result.outcomes)
        except CollisionError as error:
            self._stop(error)
        self._settled += len(batch)

    def _land(self) -> None:
        """Take back what no worker has begun, wait briefly for what is in flight, and keep what has come in."""
        end = time.monotonic() + _GRACE
        with suppress(Empty):
            while (batch := self._orders.get_nowait()) is not None:
                self._plan.take_back(batch)
                self._out -= 1
        self._keep(len(self._landed))
        while self._out > 0 and (left := end - time.monotonic()) > 0:
            self._wait(left)
            self._keep(len(self._landed))

    def _stop(self, cause: MySmppError) -> None:
        if self._cause is None or isinstance(cause, CollisionError):  # the one reason that forbids another try
            self._cause = cause
        self._tell_workers_to_stop()

    def _tell_workers_to_stop(self) -> None:
        # In a thread of its own: to set an event takes a lock in Python, which an exception thrown in here could leave
        # closed, and then the next one to set it would wait for ever.
        start_new_thread(self._hold.set, ())


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
