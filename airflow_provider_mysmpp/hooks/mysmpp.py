"""The hook: the gateway's calls behind an Airflow connection."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import uuid4

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseHook

# What speaks to the gateway is imported where it is used: DAG files import this module all day and send nothing.
if TYPE_CHECKING:
    from airflow_provider_mysmpp.gateway.balance import Balance
    from airflow_provider_mysmpp.gateway.client import GatewayClient
    from airflow_provider_mysmpp.gateway.documents import Message
    from airflow_provider_mysmpp.gateway.errors import MySmppError
    from airflow_provider_mysmpp.gateway.states import MessageState
    from airflow_provider_mysmpp.hooks.settings import Settings
    from airflow_provider_mysmpp.sending.composer import Composer
    from airflow_provider_mysmpp.sending.outcomes import Result


_OF_TASK: Final = ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_TASK_ID", "AIRFLOW_CTX_DAG_RUN_ID")
"""What Airflow puts into the environment of a task's process, and so of those that it starts."""


_warned: set[tuple[str, str, str]] = set()
"""Connections that were warned of, their addresses, and for which task."""


class MySmppHook(BaseHook):
    """
    Send messages through the MySMPP gateway.

    :param mysmpp_conn_id: The connection that says where the gateway is and who asks.
    """

    conn_name_attr: ClassVar[str] = "mysmpp_conn_id"
    default_conn_name: ClassVar[str] = "mysmpp_default"
    conn_type: ClassVar[str] = "mysmpp"
    hook_name: ClassVar[str] = "MySMPP"

    def __init__(self, mysmpp_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mysmpp_conn_id = mysmpp_conn_id
        self.warns = True  # not where another process of the same task did

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra's fields of the connection form (Airflow 2.11 to 3.1; later ones read the provider info)."""
        from airflow_provider_mysmpp.hooks.form import form_widgets  # noqa: PLC0415

        return form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the standard fields of the connection form look (Airflow 2.11 to 3.1)."""
        from airflow_provider_mysmpp.hooks.form import field_behaviour  # noqa: PLC0415

        return field_behaviour()

    @cached_property
    def settings(self) -> Settings:
        """
        What the connection says, checked.

        :raises ConfigurationError: A field can't be used.
        """
        from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415

        from airflow_provider_mysmpp.hooks.settings import read_connection  # noqa: PLC0415

        settings = read_connection(self.get_connection(self.mysmpp_conn_id))
        for secret in (settings.token, settings.password):
            if secret:
                mask_secret(secret)
        return settings

    def get_conn(self) -> GatewayClient:
        """
        Return the client of the gateway, one for the life of the hook.

        :raises ConfigurationError: The connection can't be used.
        """
        return self._client

    @cached_property
    def _client(self) -> GatewayClient:
        from airflow_provider_mysmpp.hooks.connecting import make_client  # noqa: PLC0415

        self.warn_if_exposed()
        return make_client(self.settings)

    def warn_if_exposed(self) -> None:
        """Warn, once for each task, of credentials that cross a network unencrypted."""
        from airflow_provider_mysmpp.hooks.connecting import REMEDY  # noqa: PLC0415

        if not (self.warns and self.settings.exposes_credentials):
            return
        address = self.settings.base_url
        about = (self.mysmpp_conn_id, address, _key_of_task())
        if about not in _warned:
            _warned.add(about)
            self.log.warning(
                "The connection '%s' sends its credentials unencrypted to %s. %s", self.mysmpp_conn_id, address, REMEDY
            )

    def test_connection(self) -> tuple[bool, str]:
        """Ask for the balance, as the Test button does: nothing is sent, and every error becomes words."""
        from airflow_provider_mysmpp.hooks.connecting import check_connection  # noqa: PLC0415

        return check_connection(lambda: self.settings)

    def get_balance(self) -> Balance:
        """
        Return the account's money and what it may still send in each direction.

        :raises ConfigurationError: The connection can't be used.
        :raises GatewayError: The gateway did not answer, or refused.
        """
        return self.get_conn().get_balance()

    def get_states(
        self, ids: Iterable[str | int], detail: bool = False, *, batch_size: int = 200
    ) -> list[MessageState]:
        """
        Return what became of messages: one state for each ``id_sms``, in their order.

        :param ids: The messages' ``id_sms``.
        :param detail: Whether to ask for parts and price too.
        :param batch_size: Messages that one request asks about, at most.
        :raises ValueError: One of the ids is no ``id_sms``.
        :raises ConfigurationError: The connection can't be used.
        :raises GatewayError: The gateway did not answer, or refused.
        """
        return self.get_conn().get_states(ids, detail=detail, batch_size=batch_size)

    def composer(
        self,
        *,
        idempotency_key: str,
        text: str | None = None,
        identity_text: str | None = None,
        sender: str | None = None,
        channel: str | None = "sms",
        validity_period: Any = None,
        take_past: bool = False,
        words_identify: bool = False,
    ) -> Composer:
        """
        Return what makes messages of rows, with the sender and the time zone of the connection.

        :param idempotency_key: What tells this send from every other one.
        :param text: The text for rows that have none of their own, with ``{column}`` placeholders.
        :param identity_text: The text as it goes into the identity, if not ``text``.
        :param sender: Instead of the connection's sender.
        :param channel: ``sms`` or ``viber``, or None where each row may say its own.
        :param validity_period: For rows that have none of their own.
        :param take_past: Whether a validity period may be past, as on a later try of a task.
        :param words_identify: Whether the words of a message without a key are a part of its identity.
        :raises ConfigurationError: A parameter or the connection can't be used.
        """
        from airflow_provider_mysmpp.sending.composer import Composer  # noqa: PLC0415
        from airflow_provider_mysmpp.sending.identity import Identities  # noqa: PLC0415
        from airflow_provider_mysmpp.sending.validity import ValidityClock  # noqa: PLC0415

        template = text if identity_text is None else identity_text
        return Composer(
            identities=Identities(idempotency_key, template or ""),
            clock=ValidityClock(self.settings.timezone, take_past=take_past),
            text=text,
            sender=sender or self.settings.sender,
            channel=channel,
            validity_period=validity_period,
            words_identify=words_identify,
        )

    def send(
        self,
        messages: Iterable[Message | Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        batch_size: int = 500,
        max_in_flight: int = 4,
    ) -> list[Result]:
        """
        Send messages and return one result a recipient, in their order, whatever became of it.

        A message is told from others to the same phone by its ``key``, or by its words where it has none.

        :param messages: Mappings with ``phone`` and ``text``, and ``sender``, ``channel``, ``key``, ``validity_period``
            or ``client_id_sms`` if need be; or messages that are ready.
        :param idempotency_key: What makes a second call a repetition, which sends nothing: by default the DAG, the task
            and the run; outside of a task every call is a new send.
        :param batch_size: Messages a request, at most.
        :param max_in_flight: Requests at once.
        :raises ConfigurationError: The connection can't be used. Nothing was sent.
        """
        composer = self.composer(idempotency_key=idempotency_key or _key_of_task(), channel=None, words_identify=True)
        return self._send(messages, composer, batch_size=batch_size, max_in_flight=max_in_flight)[0]

    def send_message(
        self,
        phone: str | int,
        text: str,
        *,
        sender: str | None = None,
        channel: str = "sms",
        client_id_sms: str | int | None = None,
        validity_period: Any = None,
    ) -> dict[str, Any]:
        """
        Send one message and return its entry of the mapping: ``phone``, ``key``, ``client_id_sms``, ``id_sms``.

        Called again with the same arguments by the same task of the same run, it sends nothing and returns the same.

        :param phone: The recipient.
        :param text: What the recipient reads, as it is.
        :param sender: Instead of the connection's sender.
        :param channel: ``sms`` or ``viber``.
        :param client_id_sms: The identity of the message, decimal digits, instead of the computed one.
        :param validity_period: The moment, or the time from now, after which it is not delivered any more.
        :raises AirflowFailException: It can't be sent, or the gateway refused it. A retry would not help.
        :raises AirflowException: The gateway did not take it. A retry may help and sends it once.
        """
        composer = self.composer(
            idempotency_key=_key_of_task(),
            sender=sender,
            channel=channel,
            validity_period=validity_period,
            words_identify=True,
        )
        [result], cause = self._send([{"phone": phone, "text": text, "client_id_sms": client_id_sms}], composer)
        if result.id_sms is None:
            words = f"The message to {result.failure()['phone']} is {result.status}: {result.error} ({result.code})"
            raise airflow_error(words, cause, certain=result.status in ("invalid", "rejected"))
        return result.mapping()

    def _send(
        self, rows: Iterable[Any], composer: Composer, *, batch_size: int = 1, max_in_flight: int = 1
    ) -> tuple[list[Result], MySmppError | None]:
        from airflow_provider_mysmpp.sending.dispatch import Dispatch  # noqa: PLC0415
        from airflow_provider_mysmpp.sending.plan import Plan  # noqa: PLC0415

        with Plan() as plan:
            plan.load(rows, composer)
            client = self.get_conn()
            size = client.most_at_once(batch_size)
            cause = Dispatch(client, plan, batch_size=size, max_in_flight=max_in_flight).run()
            plan.finish(cause)
            return list(plan.results()), cause


def airflow_error(words: str, cause: MySmppError | None, *, certain: bool) -> AirflowException:
    """
    Return the error that makes Airflow retry where a retry may help, and not where it can't.

    :param words: What happened, without phones and secrets.
    :param cause: Why a send stopped, or None.
    :param certain: True where every failure is one that a retry only repeats.
    """
    hopeless = certain if cause is None else not cause.retryable
    return AirflowFailException(words) if hopeless else AirflowException(words)


def _key_of_task() -> str:
    """
    Return what names this task of this run; outside of a task, a key that no other send has.

    A process that a task starts (``@task.virtualenv``, a script) knows its task from its environment.
    """
    from airflow.providers.common.compat.sdk import get_current_context  # noqa: PLC0415

    try:
        ti = get_current_context()["ti"]
    except Exception:  # noqa: BLE001  The class differs between Airflow 2 and 3.
        names = [os.environ.get(variable) for variable in _OF_TASK]
        return "/".join(filter(None, names)) if all(names) else uuid4().hex
    return f"{ti.dag_id}/{ti.task_id}/{ti.run_id}"
