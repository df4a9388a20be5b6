"""One wait of a sensor: which messages, what the gateway says, and what is pushed in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_mysmpp.delivery.compact import pack_ids
from airflow_provider_mysmpp.delivery.goal import Verdict, show_counts
from airflow_provider_mysmpp.delivery.messages import SUFFIXES, Sent, is_path, read_messages
from airflow_provider_mysmpp.delivery.report import rows_of, summarise
from airflow_provider_mysmpp.delivery.watch import Watch, is_passing
from airflow_provider_mysmpp.gateway.errors import ConfigurationError, GatewayError
from airflow_provider_mysmpp.hooks.hidden import Hidden
from airflow_provider_mysmpp.hooks.storage import is_shared, read_file, write_file

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor

_LARGE_XCOM: Final = 10_000
"""Entries above which a mapping is better kept in a file."""

_LARGE_ROW: Final = 45_000
"""Bytes of ids above which a trigger's row, encrypted, might exceed the 64 KiB that MySQL has for it."""


class Wait:
    """
    The work of a sensor in one process.

    :param sensor: The sensor, its templates rendered.
    """

    def __init__(self, sensor: MySmppDeliverySensor) -> None:
        self.is_over = False
        self._sensor = sensor
        self._failure: GatewayError | None = None

    @cached_property
    def messages(self) -> list[Sent]:
        """The messages that are waited for."""
        given = self._sensor.messages
        if self._sensor.results_path is not None and not str(self._sensor.results_path).endswith(SUFFIXES):
            raise ConfigurationError(
                f"results_path is {str(self._sensor.results_path)!r}; let it end with {', '.join(SUFFIXES)}"
            )
        messages = read_messages(given.rows if isinstance(given, Hidden) else given, read_file)
        if not messages:
            self._sensor.log.warning("There are no messages, so there is nothing to wait for.")
        return messages

    @cached_property
    def watch(self) -> Watch:
        """The states of the messages."""
        ids = (message.id_sms for message in self.messages)
        return Watch(ids, self._sensor.goal, batch_size=self._sensor.batch_size)

    def look(self) -> Verdict:
        """
        Ask for the states of what is open. A gateway that is away for now does not end the wait.

        :raises ConfigurationError: The messages or the connection can't be used.
        :raises GatewayError: The gateway refused in a way that waiting does not mend.
        """
        try:
            self._failure = None
            with self._sensor.hook.get_conn() as client:
                self.watch.look(client, detail=True)
        except GatewayError as error:
            if not is_passing(error):
                raise
            self._failure = error
            self._sensor.log.warning("The states are not known: %s. The wait goes on.", error)
        else:
            self._sensor.log.info("Delivery: %s", show_counts(self.watch.counts()) or "no messages")
        verdict = self.watch.verdict
        self.is_over = verdict is not Verdict.OPEN
        return verdict

    def finish(self, context: Context, *, well: bool) -> Any:
        """
        Push the summary, and return the mapping or the path of the file that holds it.

        :param context: Airflow's context of the task instance.
        :param well: Whether the task succeeds: only then does Airflow itself push what it returns.
        """
        self.is_over = True
        try:
            with self._sensor.hook.get_conn() as client:
                self.watch.refresh(client)
        except GatewayError as error:
            self._sensor.log.warning("The last states are those of an earlier look: %s", error)
        summary = self._summarise(context)
        self._sensor.log.info("%s", _in_words(summary))
        value = self._value()
        if self._sensor.do_xcom_push:
            context["ti"].xcom_push(key="summary", value=summary)
            if not well:
                context["ti"].xcom_push(key="return_value", value=value)
        return value

    def for_trigger(self) -> dict[str, Any]:
        """Return which messages a trigger is to look at: the open ones in few bytes, or the file that names all."""
        ids, path = pack_ids(self.watch.open_ids), self._sensor.messages
        if len(ids) > _LARGE_ROW and is_path(path) and is_shared(path):
            return {"ids": str(path)}
        return {"ids": ids, "settled": self.watch.settled()}

    def words_of_failure(self) -> str:
        """Return why the wait can't end well any more."""
        counts, goal = self.watch.counts(), self._sensor.goal
        total = counts.total()
        return (
            f"{goal.failed(counts)} of {total} messages were not delivered, so {goal.needed(total)}"
            f" (success_ratio={goal.success_ratio}) can't be reached any more: {show_counts(counts)}."
        )

    def words_of_timeout(self) -> str:
        """Return what is still open."""
        counts, goal = self.watch.counts(), self._sensor.goal
        words = (
            f"{len(self.watch.open_ids)} of {counts.total()} messages are still open after"
            f" {timedelta(seconds=self._sensor.timeout)}: {show_counts(counts, leave_out=goal.final_states)}."
        )
        if settled := show_counts(self.watch.settled()):
            words += f" The others: {settled}."
        if goal.delivered(counts) >= goal.needed(counts.total()):
            words += f" success_ratio={goal.success_ratio} is reached: wait_for_all=False would not wait for the rest."
        return words if self._failure is None else f"{words} The last look failed: {self._failure}."

    def _value(self) -> Any:
        rows = rows_of(self.messages, self.watch.states)
        if (path := self._sensor.results_path) is not None:
            write_file(str(path), rows)
            return str(path)
        if len(self.messages) > _LARGE_XCOM:
            self._sensor.log.warning(
                "The mapping has %d entries, which is much for XCom; set results_path.", len(self.messages)
            )
        return list(rows)

    def _summarise(self, context: Context) -> dict[str, Any]:
        estimate = None
        if (send := self._sensor.send_task_id) is not None:
            estimate = _parts_of(context["ti"].xcom_pull(task_ids=send, key="summary"))
        return summarise(self.messages, self.watch.states, self._sensor.goal, estimate=estimate)


def _parts_of(summary: Any) -> int | None:
    """Return the parts of the summary of a send, or of those of its mapped tasks together."""
    if isinstance(summary, Mapping):
        parts = summary.get("parts")
        return parts if isinstance(parts, int) else None
    if isinstance(summary, str) or not isinstance(summary, Iterable):
        return None
    each = [_parts_of(one) for one in summary]
    return sum(filter(None, each)) if each and None not in each else None


def _in_words(summary: Mapping[str, Any]) -> str:
    words = f"{summary['messages']} messages: {show_counts(summary['states']) or 'none'}."
    if summary["price"] is not None:
        words += f" They took {summary['parts']} parts and cost {summary['price']}."
    if summary["estimated_parts"] is not None:
        words += f" The send expected {summary['estimated_parts']} parts."
    return words
