"""The sensor: waits until messages are delivered, in a worker or, deferred, without one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseOperator,
    BaseSensorOperator,
    PokeReturnValue,
    XComArg,
    conf,
)

from airflow_provider_mysmpp.hooks.hidden import Hidden, holds_references, is_template
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook, airflow_error

# What speaks to the gateway is imported where it is used: DAG files import this module all day and wait for nothing.
if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import AirflowException, Context

    from airflow_provider_mysmpp.delivery.goal import Goal
    from airflow_provider_mysmpp.sensors.wait import Wait

_GRACE: Final = 120.0
"""Seconds that the scheduler gives the trigger to notice by itself that its time is over."""

_FAILED_TRIGGER: Final = "__fail__"
"""The method that Airflow names where a trigger did not fire."""

_execute_in_a_worker: Final = getattr(BaseSensorOperator.execute, "__wrapped__", BaseSensorOperator.execute)
"""What the base sensor does, without the guard of Airflow 2.11 that takes a call of ``super`` for one from outside."""


class MySmppDeliverySensor(BaseSensorOperator):
    """
    Wait until messages are delivered, and return what became of each.

    XCom, pushed before the task fails or is skipped too: ``return_value``, the mapping with ``state``, ``changed_at``,
    ``parts`` and ``price`` in each entry, or ``results_path``; ``summary``, the counts, parts and price of all.

    :param messages: The mapping of a :class:`~airflow_provider_mysmpp.operators.mysmpp.MySmppSendOperator`, its results
        path (templated), a list of ``id_sms``, or a list of these. Airflow stores and shows no phones of it.
    :param mysmpp_conn_id: The connection of the gateway.
    :param deferrable: Whether to wait in the triggerer instead of a worker.
    :param success_ratio: The share of the messages that must be delivered for the task to succeed, 0 to 1. As soon as
        too many have failed for it, the task fails, without a retry.
    :param wait_for_all: Whether to go on until every message is in a final state, even where the share is reached.
    :param final_states: The states that are not expected to change. By default every one that the gateway documents as
        such; without ``deliver`` the wait goes on until Viber messages are read.
    :param success_states: Those among them that count as delivered; by default ``deliver`` and ``read``.
    :param batch_size: Messages that one request asks about, at most.
    :param results_path: A file for what became of each message instead of the mapping in XCom: a path or an object
        storage URL ending with ``.csv``, ``.csv.gz``, ``.jsonl`` or ``.jsonl.gz`` (templated).
    :param poke_interval: Seconds between two looks. Deferred, they grow up to ``max_wait`` (by default ten times as
        long, up to 15 minutes) while few messages change.
    :param timeout: Seconds after which the task fails, without a retry, or is skipped with ``soft_fail``.
    :raises ValueError: A parameter is out of its range.
    """

    template_fields: Sequence[str] = ("messages", "results_path", "mysmpp_conn_id")
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        messages: XComArg | Iterable[Any] | str,
        mysmpp_conn_id: str = MySmppHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        success_ratio: float = 1.0,
        wait_for_all: bool = True,
        final_states: Iterable[str] | None = None,
        success_states: Iterable[str] | None = None,
        batch_size: int = 200,
        results_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        self.goal = _goal(success_ratio, wait_for_all, final_states, success_states)
        self.send_task_id: str | None = None
        self.messages = messages
        self.mysmpp_conn_id = mysmpp_conn_id
        self.deferrable = deferrable
        self.batch_size = batch_size
        self.results_path = results_path

    @property
    def messages(self) -> Any:
        """The messages, wrapped so that Airflow neither stores nor shows nor renders them; a path is shown."""
        return self._messages

    @messages.setter
    def messages(self, value: Any) -> None:
        if isinstance(value, XComArg):
            self.send_task_id = getattr(getattr(value, "operator", None), "task_id", None)
        as_it_is = value is None or isinstance(value, Hidden) or _is_path_or_template(value) or holds_references(value)
        self._messages = value if as_it_is else Hidden(value, "messages")

    @cached_property
    def hook(self) -> MySmppHook:
        """The hook of the gateway."""
        return MySmppHook(self.mysmpp_conn_id)

    def execute(self, context: Context) -> Any:
        """
        Wait.

        :param context: Airflow's context of the task instance.
        :return: The mapping with what became of each message, or the path of the results.
        :raises AirflowFailException: Too many messages failed, or the set-up is wrong.
        :raises AirflowSensorTimeout: Messages are still open after ``timeout``.
        """
        if self.deferrable:
            return self._look_or_defer(context, time.time() + self.timeout)
        try:
            return _execute_in_a_worker(self, context)
        except (AirflowSensorTimeout, AirflowSkipException) as error:
            if self._wait.is_over or error.__cause__ is not None:
                raise
            self._time_out(context)  # in words that say more than the base class can

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """
        Go on after the trigger fired: look once more, with parts and prices, and end or defer again.

        :param context: Airflow's context of the task instance.
        :param event: What the trigger said.
        """
        self.hook.warns = False
        self.log.info("The trigger fired: %s; it saw %s", event.get("reason"), event.get("states"))
        return self._look_or_defer(context, float(event["deadline"]))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """
        Go on after a deferral, also where the trigger did not fire in time.

        :param next_method: What Airflow wants to call.
        :param next_kwargs: What with.
        :param context: Airflow's context of the task instance.
        """
        error = str((next_kwargs or {}).get("error", ""))
        if next_method == _FAILED_TRIGGER and "timeout" in error.lower() and not self._execution_times_out_first:
            return self._look_or_defer(context, time.time())
        # Past the base sensor, which would skip on any error here, but not where it waits in a worker.
        return BaseOperator.resume_execution(self, next_method, next_kwargs, context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """
        Look once.

        :param context: Airflow's context of the task instance.
        :return: Whether the wait is over, with what the task returns.
        """
        from airflow_provider_mysmpp.delivery.goal import Verdict  # noqa: PLC0415
        from airflow_provider_mysmpp.gateway.errors import ConfigurationError, GatewayError  # noqa: PLC0415

        try:
            verdict = self._wait.look()
            if verdict is Verdict.OPEN:
                return False
            value = self._wait.finish(context, well=verdict is Verdict.REACHED)
        except ConfigurationError as error:
            raise AirflowFailException(str(error)) from None
        except GatewayError as error:
            raise airflow_error(f"The states are not known: {error}", error, certain=False) from None
        if verdict is Verdict.OUT_OF_REACH:
            self._end(self._wait.words_of_failure(), AirflowFailException)
        return PokeReturnValue(True, value)

    @cached_property
    def _wait(self) -> Wait:
        from airflow_provider_mysmpp.sensors.wait import Wait  # noqa: PLC0415

        return Wait(self)

    @property
    def _execution_times_out_first(self) -> bool:
        limit = self.execution_timeout
        return limit is not None and limit.total_seconds() < self.timeout

    def _look_or_defer(self, context: Context, deadline: float) -> Any:
        done = self._poke_as_in_a_worker(context)
        if isinstance(done, PokeReturnValue):
            return done.xcom_value
        remaining = deadline - time.time()
        if remaining <= 0:
            self._time_out(context)
        return self._defer(deadline, remaining)

    def _poke_as_in_a_worker(self, context: Context) -> bool | PokeReturnValue:
        """Look once, with what the base sensor makes of errors where it waits in a worker."""
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except Exception as error:
            is_final = isinstance(error, AirflowFailException)
            if self.silent_fail and not is_final:
                self.log.exception("The look failed; the wait goes on.")
                return False
            if self.never_fail or (self.soft_fail and is_final):
                raise AirflowSkipException(str(error)) from error
            raise

    def _defer(self, deadline: float, remaining: float) -> NoReturn:
        from airflow_provider_mysmpp.triggers.mysmpp import MySmppDeliveryTrigger  # noqa: PLC0415

        self.defer(
            trigger=MySmppDeliveryTrigger(
                mysmpp_conn_id=self.mysmpp_conn_id,
                **self._wait.for_trigger(),
                deadline=deadline,
                success_ratio=self.goal.success_ratio,
                wait_for_all=self.goal.wait_for_all,
                final_states=self.goal.final_states,
                success_states=self.goal.success_states,
                poll_interval=self.poke_interval,
                longest_interval=self.max_wait.total_seconds() if self.max_wait else None,
                batch_size=self.batch_size,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=remaining + _GRACE),
        )

    def _time_out(self, context: Context) -> NoReturn:
        self._wait.finish(context, well=False)
        self._end(self._wait.words_of_timeout(), AirflowSensorTimeout)

    def _end(self, words: str, failure: type[AirflowException]) -> NoReturn:
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(words)
        raise failure(words)


def _goal(
    success_ratio: float,
    wait_for_all: bool,
    final_states: Iterable[str] | None,
    success_states: Iterable[str] | None,
) -> Goal:
    from airflow_provider_mysmpp.delivery.goal import Goal  # noqa: PLC0415
    from airflow_provider_mysmpp.gateway.states import DELIVERED, FINAL  # noqa: PLC0415

    return Goal.of(
        success_ratio,
        wait_for_all,
        FINAL if final_states is None else final_states,
        DELIVERED if success_states is None else success_states,
    )


def _is_path_or_template(value: Any) -> bool:
    from airflow_provider_mysmpp.delivery.messages import is_path  # noqa: PLC0415

    return is_path(value) or is_template(value)
