"""The trigger: waits in the triggerer until messages are delivered, without holding a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

# What speaks to the gateway is imported where it is used: DAG files import this module by way of the sensor.
if TYPE_CHECKING:
    from airflow_provider_mysmpp.delivery.poll import Poll
    from airflow_provider_mysmpp.gateway.client import GatewayClient

T = TypeVar("T")

_POOL: Final = ThreadPoolExecutor(8, thread_name_prefix="mysmpp-delivery")
"""Threads for the requests of all triggers: a gateway that hangs must not take those that other triggers share."""


class MySmppDeliveryTrigger(BaseTrigger):
    """
    Fire once a wait for delivery is over, or its time is.

    It only reads, so it may be ended and started again at any moment, in another process too. Its event says how far it
    came: ``{"reason", "deadline", "states"}``; whoever resumes looks at the gateway again and decides.

    :param mysmpp_conn_id: The connection of the gateway. It is looked up where the trigger runs.
    :param ids: The open messages: their ``id_sms``, or these in the compact form that the trigger's row holds, or the
        URL of a file with the results of a send.
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

        # In asgiref's thread: only there may every Airflow from 2.11 on look a connection up from within a trigger.
        client, poll = await sync_to_async(self._prepare)()
        stop = Event()
        try:
            while poll.reason is None:
                await asyncio.sleep(poll.pause)
                await _in_thread(partial(poll.look, client, stop))
            event = {"reason": poll.reason, "deadline": self.deadline, "states": await _in_thread(lambda: poll.counts)}
            yield TriggerEvent(event)  # type: ignore[no-untyped-call]
        finally:
            stop.set()
            client.close()

    def _prepare(self) -> tuple[GatewayClient, Poll]:
        from airflow_provider_mysmpp.delivery.goal import Goal  # noqa: PLC0415
        from airflow_provider_mysmpp.delivery.poll import Poll  # noqa: PLC0415
        from airflow_provider_mysmpp.delivery.watch import Watch  # noqa: PLC0415
        from airflow_provider_mysmpp.gateway.states import DELIVERED, FINAL  # noqa: PLC0415
        from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook  # noqa: PLC0415

        final, success = self.final_states or FINAL, self.success_states or DELIVERED
        goal = Goal.of(self.success_ratio, self.wait_for_all, final, success)
        watch = Watch(self._open_ids(), goal, settled=self.settled, batch_size=self.batch_size)
        poll = Poll(
            watch, deadline=self.deadline, pause=self.poll_interval, longest_pause=self.longest_interval, log=self.log
        )
        hook = MySmppHook(self.mysmpp_conn_id)
        hook.warns = False
        return hook.get_conn(), poll

    def _open_ids(self) -> list[str]:
        from airflow_provider_mysmpp.delivery.compact import unpack_ids  # noqa: PLC0415
        from airflow_provider_mysmpp.delivery.messages import is_path, read_messages  # noqa: PLC0415

        if not is_path(self.ids):
            return unpack_ids(self.ids)
        from airflow_provider_mysmpp.hooks.storage import read_file  # noqa: PLC0415

        return [message.id_sms for message in read_messages(self.ids, read_file)]


def _packed(ids: Iterable[str | int]) -> str:
    from airflow_provider_mysmpp.delivery.compact import pack_ids  # noqa: PLC0415

    return pack_ids(str(id_sms) for id_sms in ids)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run what takes time outside of the loop, with the context that tells log lines which trigger they are of."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, copy_context().run, work)
