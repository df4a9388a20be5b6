"""What a notification says and to whom, with a way out for every template that can't be rendered."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.gateway.privacy import mask_numbers
from airflow_provider_mysmpp.notifications.recipients import read_phones
from airflow_provider_mysmpp.notifications.shorten import shorten

if TYPE_CHECKING:
    from airflow_provider_mysmpp.notifications.events import Event
    from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier

log = logging.getLogger(__name__)

_FAILED: Final = object()


@dataclass(frozen=True, slots=True)
class Notice:
    """
    A notification, rendered.

    :param phones: Whom to text, as it was written.
    :param text: The text, short enough.
    :param sender: Instead of the connection's sender, or None.
    :param channel: ``sms`` or ``viber``.
    :param idempotency_key: What tells the event from every other one.
    :param mysmpp_conn_id: The connection of the gateway.
    """

    phones: list[Any]
    text: str
    sender: str | None
    channel: str
    idempotency_key: str
    mysmpp_conn_id: str


class Renderer:
    """
    Render the fields of a notifier, which stay as they are: tasks may share it.

    :param notifier: Its fields are the templates.
    :param event: What the templates know as ``event``.
    :param context: What else they know.
    """

    def __init__(self, notifier: MySmppNotifier, event: Event, context: Mapping[str, Any]) -> None:
        self._notifier = notifier
        self._event = event
        values = cast("Any", copy.copy(context))
        values["event"] = event
        values.setdefault("dag", None)
        # The context of a deadline has no variables, and phones belong in one rather than in a DAG file.
        values.setdefault("var", {"value": _Variables()})
        self._values = values
        self._environment = notifier.get_template_env(dag=values["dag"])

    def notice(self) -> Notice:
        """
        Return the notification.

        :raises ConfigurationError: There is nobody to text, or no connection to do it with.
        """
        phones = list(self._phones())
        if not phones:
            raise ConfigurationError("'to' names nobody; let it be a phone or a list of phones")
        conn_id = self._line("mysmpp_conn_id", instead="")
        if not conn_id:
            raise ConfigurationError("'mysmpp_conn_id' names no connection")
        return Notice(
            phones=phones,
            text=shorten(self._line("text", instead=f"Airflow: {self._event.summary}"), self._notifier.max_parts),
            sender=self._line("sender", instead="") if self._notifier.sender else None,
            channel=self._line("channel", instead="sms"),
            idempotency_key=self._line("idempotency_key", instead=self._event.key),
            mysmpp_conn_id=conn_id,
        )

    def _phones(self) -> Iterator[Any]:
        to = self._notifier.to
        for template in to if isinstance(to, list) else [to]:
            rendered = self._render("to", template)
            if rendered is not _FAILED:
                yield from read_phones(rendered)

    def _line(self, field: str, *, instead: str) -> str:
        """Return a rendered field as text; if that fails or leaves nothing, what is to stand there instead."""
        rendered = self._render(field, getattr(self._notifier, field))
        if rendered is _FAILED:
            return instead
        # Half of a surrogate pair, as names of files may have it, can't be sent.
        text = str(rendered).strip().encode(errors="replace").decode()
        if not text:
            log.error("The notifier's '%s' is empty, so it is left out.", field)
        return text or instead

    def _render(self, field: str, template: Any) -> Any:
        try:
            return self._notifier.render_template(template, self._values, self._environment)
        except Exception as error:  # noqa: BLE001  A template may fail in any way.
            # Without the traceback, which would show the template and with it phones.
            words = mask_numbers(f"{type(error).__name__}: {error}")
            log.error("The notifier's '%s' can't be rendered, so it is left out: %s", field, words)  # noqa: TRY400
            return _FAILED


class _Variables:
    """Airflow's variables, read when a template names one."""

    def __getattr__(self, key: str) -> Any:
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415

        return Variable.get(key)
