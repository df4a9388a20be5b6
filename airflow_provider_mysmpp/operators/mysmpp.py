"""The operator: recipients from XCom or from SQL are texted, each once, and mapped to their ``id_sms``."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook, BaseOperator

from airflow_provider_mysmpp.hooks.hidden import Hidden, holds_references, is_template
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.operators.sources import rows_from_sql, rows_of

# What sends is imported where it is used: DAG files import this module all day and send nothing.
if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_mysmpp.gateway.errors import MySmppError
    from airflow_provider_mysmpp.operators.report import Reporter
    from airflow_provider_mysmpp.sending.composer import Composer
    from airflow_provider_mysmpp.sending.plan import Plan, Totals

DEFAULT_IDEMPOTENCY_KEY: Final = "{{ dag.dag_id }}/{{ task.task_id }}/{{ run_id }}"


class MySmppSendOperator(BaseOperator):
    """
    Text recipients through the MySMPP gateway, each once, however often the task is tried.

    A recipient is a row: a phone alone, or a mapping with the columns ``phone`` (required), ``text``, ``key``,
    ``sender``, ``validity_period`` and ``client_id_sms``; all others feed the placeholders of ``text``.

    XCom, pushed before the task fails too: ``return_value``, a list of ``{"phone", "key", "client_id_sms", "id_sms"}``
    of the accepted in input order, or ``results_path``; ``failed``, a list of ``{"row", "phone", "key", "status",
    "code", "error"}`` with masked phones; ``summary``, the counts.

    :param recipients: An XComArg, a list or another iterable of rows. Either this or ``sql``. Braces in it are not
        rendered, and Airflow stores and shows none of it.
    :param sql: A query whose rows are the recipients (templated, or a ``.sql`` file). It is streamed.
    :param sql_conn_id: The connection of its database (templated): any whose hook is a ``DbApiHook``.
    :param parameters: What the query's placeholders stand for (templated).
    :param text: The text (templated): Jinja for the run, then ``{column}`` placeholders for each recipient. A row's own
        text wins.
    :param sender: Instead of the connection's sender (templated); a row's own wins.
    :param channel: ``sms`` or ``viber`` (templated).
    :param validity_period: The moment, or the time from now, after which a message is not delivered any more
        (templated): an aware datetime, a naive one or text (both in the account's time zone), or a timedelta; a row's
        own wins.
    :param idempotency_key: What tells this send from every other one (templated). By default all tries of a task share
        it, those after a clear too, and each run has its own; to text the same people again, give another value.
    :param batch_size: Messages a request, at most.
    :param max_in_flight: Requests at once.
    :param max_recipients: With more messages than this, nothing is sent and the task fails.
    :param max_parts: With more parts than this in all, nothing is sent and the task fails.
    :param tolerated_failures: How many recipients may be rejected or invalid before the task fails; a float below 1 is
        a share of all rows. Unknown and unsent ones always fail it, since a retry may help them.
    :param dry_run: Check the whole list and report, but send nothing.
    :param results_path: A file for the results of all rows instead of the mapping in XCom: a path or an object storage
        URL ending with ``.csv``, ``.csv.gz``, ``.jsonl`` or ``.jsonl.gz`` (templated).
    :param mysmpp_conn_id: The connection of the gateway (templated).
    :raises ValueError: A parameter is out of its range, or they do not go together.
    """

    template_fields: Sequence[str] = (
        "recipients",
        "sql",
        "sql_conn_id",
        "parameters",
        "text",
        "sender",
        "channel",
        "validity_period",
        "idempotency_key",
        "results_path",
        "mysmpp_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    # Airflow copies tasks deeply, to clear some of a DAG: a generator can't be copied so, a long list need not be.
    shallow_copy_attrs: Sequence[str] = ("_recipients", "_BaseOperator__init_kwargs")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json"}
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        recipients: XComArg | Iterable[Any] | None = None,
        sql: str | None = None,
        sql_conn_id: str | None = None,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        text: str | XComArg | None = None,
        sender: str | None = None,
        channel: str = "sms",
        validity_period: datetime | timedelta | str | None = None,
        idempotency_key: str = DEFAULT_IDEMPOTENCY_KEY,
        batch_size: int = 500,
        max_in_flight: int = 4,
        max_recipients: int | None = None,
        max_parts: int | None = None,
        tolerated_failures: float = 0,
        dry_run: bool = False,
        results_path: str | None = None,
        mysmpp_conn_id: str = MySmppHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (recipients is None) is (sql is None):
            raise ValueError("Give either recipients or sql")
        if sql is not None and sql_conn_id is None:
            raise ValueError("sql needs sql_conn_id, the connection of its database")
        _check_ranges(batch_size=batch_size, max_in_flight=max_in_flight, tolerated_failures=tolerated_failures)
        self.recipients = recipients
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.text = text
        # The identity takes the text before Jinja, and of a text that a task writes that task's name: a clock or a
        # balance in it must not text a person again on a retry or after a clear.
        self._identity_text = str(text) if isinstance(text, str) or hasattr(text, "operator") else None
        self.sender = sender
        self.channel = channel
        self.validity_period = validity_period
        self.idempotency_key = idempotency_key
        self.batch_size = batch_size
        self.max_in_flight = max_in_flight
        self.max_recipients = max_recipients
        self.max_parts = max_parts
        self.tolerated_failures = tolerated_failures
        self._only_check = dry_run  # BaseOperator.dry_run is a method
        self.results_path = results_path
        self._path_differs = "map_index" in str(results_path)
        self.mysmpp_conn_id = mysmpp_conn_id

    @property
    def recipients(self) -> Any:
        """The recipients, wrapped so that Airflow neither stores nor shows nor renders them."""
        return self._recipients

    @recipients.setter
    def recipients(self, value: Any) -> None:
        as_it_is = value is None or isinstance(value, Hidden) or is_template(value) or holds_references(value)
        self._recipients = value if as_it_is else Hidden(value, "recipients")

    @cached_property
    def hook(self) -> MySmppHook:
        """The hook of the gateway."""
        return MySmppHook(self.mysmpp_conn_id)

    def execute(self, context: Context) -> list[dict[str, Any]] | str:
        """
        Send, push the results, and fail where recipients failed.

        :param context: Airflow's context of the task instance.
        :return: The mapping, or the path of the results.
        :raises AirflowFailException: Recipients failed and a retry would not help, or the set-up is wrong.
        :raises AirflowException: Recipients failed and a retry may help; it texts nobody twice.
        """
        from airflow_provider_mysmpp.gateway.errors import ConfigurationError  # noqa: PLC0415

        try:
            return self._execute(context)
        except ConfigurationError as error:
            raise AirflowFailException(str(error)) from None

    def on_kill(self) -> None:
        """End the send: nothing more leaves, and what became of the rest is pushed."""
        stop: Event | None = getattr(self, "_stop", None)
        if stop is not None:
            stop.set()

    def _execute(self, context: Context) -> list[dict[str, Any]] | str:
        from airflow_provider_mysmpp.gateway.errors import StoppedError  # noqa: PLC0415
        from airflow_provider_mysmpp.operators.report import Reporter  # noqa: PLC0415
        from airflow_provider_mysmpp.sending.plan import Plan  # noqa: PLC0415

        self._stop = Event()
        tried_before = _is_later_try(context)
        composer = self._composer(take_past=tried_before)
        reporter = Reporter(
            context["ti"],
            pushes=self.do_xcom_push,
            results_path=self._results_path(context),
            tried_before=tried_before,
        )
        with _airflow_left_uncollected(), reporter, Plan() as plan, self.hook.get_conn() as client:
            totals = plan.load(self._rows(), composer)
            try:
                cause = self._refusal(totals) or self._send(plan, totals, reporter)
                report = reporter.push(plan, cause, requests=client.requests_made)
            except BaseException as error:  # a signal or a timeout of Airflow, thrown into this thread
                stopped = StoppedError(f"the task was interrupted ({type(error).__name__})")
                reporter.push_mapping(reporter.push(plan, stopped, requests=client.requests_made))
                raise
        if failure := report.failure(self.tolerated_failures):
            reporter.push_mapping(report)
            raise failure
        return report.mapping

    def _rows(self) -> Iterable[Any]:
        if self.sql is not None and self.sql_conn_id is not None:
            return rows_from_sql(BaseHook.get_hook(self.sql_conn_id), self.sql, self.parameters)
        recipients = self.recipients
        return rows_of(recipients.take() if isinstance(recipients, Hidden) else recipients)

    def _composer(self, *, take_past: bool) -> Composer:
        from airflow_provider_mysmpp.gateway.errors import ConfigurationError  # noqa: PLC0415

        text = None if self.text is None else str(self.text)  # native rendering makes a number of digits
        if not self.idempotency_key:
            raise ConfigurationError("idempotency_key is empty: every send would count as the same. Leave it out.")
        return self.hook.composer(
            idempotency_key=str(self.idempotency_key),
            text=text,
            identity_text=self._identity_text if text is not None else "",
            sender=None if self.sender is None else str(self.sender),
            channel=self.channel,
            validity_period=self.validity_period,
            take_past=take_past,
        )

    def _refusal(self, totals: Totals) -> MySmppError | None:
        """Return why nothing may be sent although the list is good, or None."""
        from airflow_provider_mysmpp.gateway.errors import DryRunError, LimitError  # noqa: PLC0415

        for name, limit, found in (
            ("max_recipients", self.max_recipients, totals.messages),
            ("max_parts", self.max_parts, totals.parts),
        ):
            if limit is not None and found > limit:
                return LimitError(f"The list takes {found}, more than {name}={limit}, so nothing of it is sent")
        if self._only_check:
            return DryRunError(f"A dry run: {totals.messages} messages in about {totals.parts} parts were not sent")
        return None

    def _send(self, plan: Plan, totals: Totals, reporter: Reporter) -> MySmppError | None:
        from airflow_provider_mysmpp.sending.dispatch import Dispatch  # noqa: PLC0415

        if not totals.rows:
            self.log.warning("There are no recipients, so nothing is sent.")
        client = self.hook.get_conn()
        return Dispatch(
            client,
            plan,
            batch_size=client.most_at_once(self.batch_size),
            max_in_flight=self.max_in_flight,
            maybe_sent=reporter.tried_before,
            stop=self._stop,
            progress=reporter.watch(plan, totals.messages),
        ).run()

    def _results_path(self, context: Context) -> str | None:
        """Return the path of the results, and warn where mapped tasks would write over each other's."""
        if self.results_path is None:
            return None
        path = str(self.results_path)
        map_index = getattr(context["ti"], "map_index", None)
        if isinstance(map_index, int) and map_index >= 0 and not self._path_differs:
            self.log.warning(
                "results_path %s may be the same for every mapped task; name each with {{ ti.map_index }}.", path
            )
        return path


def _is_later_try(context: Context) -> bool:
    """Tell whether an earlier try, also one before a clear, may have sent messages of this task."""
    number = getattr(context["ti"], "try_number", None)
    return isinstance(number, int) and number > 1


@contextmanager
def _airflow_left_uncollected() -> Iterator[None]:
    """Spare the garbage collector what Airflow itself holds: to look through that again and again costs a tenth."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _check_ranges(*, batch_size: int, max_in_flight: int, tolerated_failures: float) -> None:
    for name, value in (("batch_size", batch_size), ("max_in_flight", max_in_flight)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    if tolerated_failures < 0 or (tolerated_failures >= 1 and tolerated_failures != int(tolerated_failures)):
        raise ValueError(f"tolerated_failures is {tolerated_failures}; give a whole number or a share below 1")
