"""The trigger: waits in the triggerer until messages are delivered, without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

# What speaks to the gateway is imported where it is used: DAG files import this module by way of the sensor.
if TYPE_CHECKING:
    from airflow_provider_mysmpp.delivery.watch import Watch
    from airflow_provider_mysmpp.gateway.client import GatewayClient

T = TypeVar("T")

_POOL: Final = ThreadPoolExecutor(8, thread_name_prefix="mysmpp-delivery")
"""Threads for the requests of all triggers: a gateway that hangs must not take those that other triggers share."""

_LONGEST_PAUSE: Final = 900.0
_GROWTH: Final = 10


class MySmppDeliveryTrigger(BaseTrigger):
    """
    Fire once a wait for delivery is over, or its time is.

    It only reads, so it may be ended and started again at any moment, in another process too. Its event says how far it
    came: ``{"reason", "deadline", "states"}``; whoever resumes looks at the gateway again and decides.

    :param mysmpp_conn_id: The connection of the gateway. It is looked up where the trigger runs.
    :param ids: The open messages: their ``id_sms``, or these in the compact form that the trigger's row holds.
    :param deadline: The moment at which the wait ends, in seconds since the epoch.
    :param settled: Messages for each final state, of the messages that are not open any more.
    :param success_ratio: The share of all messages that must be delivered.
    :param wait_for_all: Whether every message must be in a final state.
    :param final_states: The states that are not expected to change.
    :param success_states: Those among them that count as delivered.
    :param poll_interval: Seconds between two looks while many messages change.
    :param longest_interval: Seconds that it grows to while few do: by default ten times as long, up to 15 minutes.
    :param batch_size: Messages that one request asks about, at most.
    """

    def __init__(
        self,
        *,
        mysmpp_conn_id: str,
        ids: str | Iterable[str | int],
        deadline: float,
        settled: Mapping[str, int] | None = None,
        success_ratio: float = 1.0,
        wait_for_all: bool = True,
        final_states: Iterable[str] | None = None,
        success_states: Iterable[str] | None = None,
        poll_interval: float = 60.0,
        longest_interval: float | None = None,
        batch_size: int = 200,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.mysmpp_conn_id = mysmpp_conn_id
        self.ids = ids if isinstance(ids, str) else _packed(ids)
        self.deadline = deadline
        self.settled = dict(settled or {})
        self.success_ratio = success_ratio
        self.wait_for_all = wait_for_all
        self.final_states = None if final_states is None else sorted(final_states)
        self.success_states = None if success_states is None else sorted(success_states)
        self.poll_interval = poll_interval
        self.longest_interval = longest_interval
        self.batch_size = batch_size

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores: the connection's name and the ids, never credentials or phones."""
        names = (
            *("mysmpp_conn_id", "ids", "deadline", "settled", "success_ratio", "wait_for_all"),
            *("final_states", "success_states", "poll_interval", "longest_interval", "batch_size"),
        )
        path = f"{MySmppDeliveryTrigger.__module__}.{MySmppDeliveryTrigger.__qualname__}"
        return path, {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.mysmpp_conn_id}, {len(self.ids)} bytes of ids>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the wait is over, and fire once."""
        from asgiref.sync import sync_to_async  # noqa: PLC0415

        from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook  # noqa: PLC0415

        # In asgiref's thread: only there may every Airflow from 2.11 on look a connection up from within a trigger.
        client = await sync_to_async(MySmppHook(self.mysmpp_conn_id).get_conn)()
        watch = await _in_thread(self._watch)
        stop = Event()
        try:
            yield TriggerEvent(await self._wait(client, watch, stop))  # type: ignore[no-untyped-call]
        finally:
            stop.set()
            client.close()

    async def _wait(self, client: GatewayClient, watch: Watch, stop: Event) -> dict[str, Any]:
        from airflow_provider_mysmpp.delivery.goal import show_counts  # noqa: PLC0415

        pause, reason = self.poll_interval, None
        while reason is None:
            await asyncio.sleep(max(0.0, min(pause, self.deadline - time.time())))
            pause, reason = await _in_thread(partial(self._look, client, watch, stop, pause))
        self.log.info("The wait for delivery ends: %s", reason)
        return {"reason": reason, "deadline": self.deadline, "states": show_counts(await _in_thread(watch.counts))}

    def _look(self, client: GatewayClient, watch: Watch, stop: Event, pause: float) -> tuple[float, str | None]:
        """Look once; return the seconds until the next look, and why there is none, if so."""
        from airflow_provider_mysmpp.delivery.goal import Verdict, show_counts  # noqa: PLC0415
        from airflow_provider_mysmpp.delivery.watch import is_passing, next_pause  # noqa: PLC0415
        from airflow_provider_mysmpp.gateway.errors import GatewayError, UnavailableError  # noqa: PLC0415
        from airflow_provider_mysmpp.gateway.retrying import RetryPolicy  # noqa: PLC0415

        asked, changed, asked_to_wait = len(watch.open_ids), 0, 0.0
        try:
            # No tries that sleep in a thread: the next look is the next try.
            changed = watch.look(client, detail=False, retry=RetryPolicy(attempts=1), stop=stop)
            self.log.info("Delivery: %s", show_counts(watch.counts()))
        except GatewayError as error:
            if not is_passing(error):
                self.log.warning("The gateway can't be asked: %s", error)
                return pause, "refused"
            self.log.warning("The states are not known: %s. The wait goes on.", error)
            asked_to_wait = (error.retry_after or 0.0) if isinstance(error, UnavailableError) else 0.0
        if watch.verdict is not Verdict.OPEN:
            return pause, watch.verdict.value
        if time.time() >= self.deadline:
            return pause, "timeout"
        longest = self.longest_interval or min(_GROWTH * self.poll_interval, _LONGEST_PAUSE)
        grown = next_pause(pause, first=self.poll_interval, longest=longest, changed=changed, asked=asked)
        return max(grown, asked_to_wait), None

    def _watch(self) -> Watch:
        from airflow_provider_mysmpp.delivery.compact import unpack_ids  # noqa: PLC0415
        from airflow_provider_mysmpp.delivery.goal import Goal  # noqa: PLC0415
        from airflow_provider_mysmpp.delivery.watch import Watch  # noqa: PLC0415
        from airflow_provider_mysmpp.gateway.states import DELIVERED, FINAL  # noqa: PLC0415

        goal = Goal.of(
            self.success_ratio, self.wait_for_all, self.final_states or FINAL, self.success_states or DELIVERED
        )
        return Watch(unpack_ids(self.ids), goal, settled=self.settled, batch_size=self.batch_size)


def _packed(ids: Iterable[str | int]) -> str:
    from airflow_provider_mysmpp.delivery.compact import pack_ids  # noqa: PLC0415

    return pack_ids(str(id_sms) for id_sms in ids)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run what takes time outside of the loop, with the context that tells log lines which trigger they are of."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, copy_context().run, work)
