"""The notifier: people are texted about a task, a DAG or a deadline, once each."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Event as Flag
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseNotifier

from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.notifications.events import Event, read_event

# What sends is imported where it is used: DAG files import this module all day and send nothing.
if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_mysmpp.gateway.client import GatewayClient
    from airflow_provider_mysmpp.gateway.errors import MySmppError
    from airflow_provider_mysmpp.notifications.rendering import Notice
    from airflow_provider_mysmpp.sending.plan import Plan

log = logging.getLogger(__name__)

DEFAULT_TEXT: Final = "Airflow: {{ event.summary }}"
DEFAULT_IDEMPOTENCY_KEY: Final = "{{ event.key }}"

# A DAG file is processed in 50 seconds by default, its callbacks included, and a file may have several.
_TIMEOUT: Final = 6.0
_TRIES: Final = 2
_TIME_LIMIT: Final = 15.0
"""Seconds after which a notification is given up, whatever the gateway does."""

_MOST_REASONS: Final = 10


class MySmppNotifier(BaseNotifier):
    """
    Text people about a task, a DAG or a deadline, each person once for each event, however often the callback is fired.

    Besides what Airflow gives to a callback, the templates know ``event``, which every callback has: ``event.kind``
    (``failure``, ``retry``, ``success``, ``skip``, ``start``, ``deadline``, or in Airflow 2 ``sla_miss``),
    ``event.dag_id``, ``event.task_id``, ``event.run_id``, ``event.summary`` and ``event.key``.

    Nothing that goes wrong here is raised: it is logged as one error, and the failure that the text is about stays the
    failure that people see.

    :param to: Whom to text (templated): a phone, several with commas between them, or a list.
    :param text: The text (templated). One that can't be rendered is replaced by the default one.
    :param sender: Instead of the connection's sender (templated).
    :param channel: ``sms`` or ``viber`` (templated).
    :param max_parts: A text that takes more parts is cut at a word.
    :param idempotency_key: What tells this event from every other one (templated). The default is the same for a task,
        a DAG or a deadline, for its run and for the kind of event; another value texts more often.
    :param mysmpp_conn_id: The connection of the gateway (templated).
    :raises ValueError: A parameter is out of its range.
    """

    template_fields: Sequence[str] = ("to", "text", "sender", "channel", "idempotency_key", "mysmpp_conn_id")

    def __init__(
        self,
        *,
        to: str | int | Iterable[str | int],
        text: str = DEFAULT_TEXT,
        sender: str | None = None,
        channel: str = "sms",
        max_parts: int = 2,
        idempotency_key: str = DEFAULT_IDEMPOTENCY_KEY,
        mysmpp_conn_id: str = MySmppHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not to:
            raise ValueError("to is empty; name at least one phone")
        if max_parts < 1:
            raise ValueError(f"max_parts is {max_parts}; it must be at least 1")
        self.to = to if isinstance(to, str | int) else list(to)
        self.text = text
        self.sender = sender
        self.channel = channel
        self.max_parts = max_parts
        self.idempotency_key = idempotency_key
        self.mysmpp_conn_id = mysmpp_conn_id

    def __call__(self, *args: Any) -> None:
        """
        Text people, as Airflow's callbacks ask for it.

        :param args: The context; or the five arguments of an SLA callback of Airflow 2.
        """
        # Not as the base class does it, which renders this object for good: tasks may share it.
        self.notify(args[0] if len(args) == 1 else {"dag": args[0], "task_list": args[1]})

    def __await__(self) -> Generator[Any, Any, None]:
        """Text people, as the triggerer asks for it."""
        return self.async_notify(self.context).__await__()

    def notify(self, context: Context | Mapping[str, Any]) -> None:
        """
        Text people. It takes seconds at most and raises nothing.

        :param context: Airflow's context of the callback.
        """
        from airflow_provider_mysmpp.gateway.errors import MySmppError  # noqa: PLC0415
        from airflow_provider_mysmpp.notifications.rendering import Renderer  # noqa: PLC0415

        try:
            event = read_event(context)
            self._send(event, Renderer(self, event, context).notice())
        except (MySmppError, AirflowNotFoundException) as error:
            log.error("The notifier texts nobody: %s", error)  # noqa: TRY400  A traceback tells no more.
        except Exception:
            log.exception("The notifier texts nobody")

    async def async_notify(self, context: Context | Mapping[str, Any]) -> None:
        """
        Text people without keeping the event loop waiting.

        :param context: Airflow's context of the callback.
        """
        from asgiref.sync import sync_to_async  # noqa: PLC0415

        # Not asyncio.to_thread: up to Airflow 3.2 only threads of asgiref find the loop that asks for connections.
        await sync_to_async(self.notify, thread_sensitive=False)(context)

    def _send(self, event: Event, notice: Notice) -> None:
        from airflow_provider_mysmpp.gateway.retrying import RetryPolicy  # noqa: PLC0415
        from airflow_provider_mysmpp.hooks.connecting import make_client  # noqa: PLC0415
        from airflow_provider_mysmpp.sending.plan import Plan  # noqa: PLC0415

        hook = MySmppHook(notice.mysmpp_conn_id)
        hook.warn_if_exposed()
        composer = hook.composer(
            idempotency_key=notice.idempotency_key,
            identity_text=str(self.text),  # before Jinja: what an exception says may differ when it fires again
            sender=notice.sender,
            channel=notice.channel,
        )
        # Without the connection's rate, which is for lists: a few phones must not wait until it has earned them.
        settings = replace(hook.settings, timeout=min(hook.settings.timeout, _TIMEOUT), messages_per_second=None)
        client = make_client(settings, retry=RetryPolicy(attempts=_TRIES))
        with client, Plan() as plan:
            plan.load([{"phone": phone, "text": notice.text} for phone in notice.phones], composer)
            plan.finish(_dispatch(client, plan))
            _report(event, plan)


def _dispatch(client: GatewayClient, plan: Plan) -> MySmppError | None:
    """Send the messages of a plan, for as long as a callback may take, and return why that ended early, if it did."""
    from airflow_provider_mysmpp.gateway.errors import StoppedError  # noqa: PLC0415
    from airflow_provider_mysmpp.sending.dispatch import Dispatch  # noqa: PLC0415

    too_late = Flag()
    clock = Timer(_TIME_LIMIT, too_late.set)
    clock.daemon = True
    clock.start()
    try:
        cause = Dispatch(client, plan, max_in_flight=1, stop=too_late).run()
    finally:
        clock.cancel()
    return StoppedError(f"no answer within {_TIME_LIMIT:.0f} s") if too_late.is_set() else cause


def _report(event: Event, plan: Plan) -> None:
    """Log in one line what became of all messages."""
    from airflow_provider_mysmpp.gateway.privacy import mask_phone  # noqa: PLC0415

    counts = plan.counts()
    accepted, duplicate, total = counts.get("accepted", 0), counts.get("duplicate", 0), sum(counts.values())
    words = f"The gateway took {accepted} of {total - duplicate} messages about '{event.summary}'"
    if reasons := plan.reasons(_MOST_REASONS):
        why = "; ".join(
            f"{reason.rows} {reason.status} ({reason.code}, {mask_phone(reason.first_phone)}): {reason.error}"
            for reason in reasons
        )
        log.error("%s, not all: %s", words, why)
    else:
        log.info("%s", words)


send_mysmpp_notification = MySmppNotifier
"""Another name of the notifier, as Airflow's own providers have one."""
