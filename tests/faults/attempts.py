"""Try the operator once, as Airflow would: templates rendered, a context, XComs that must be JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowException, AirflowFailException

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

PHONES = [f"7961224{number:04}" for number in range(10_000)]
"""Phones that the sandbox takes."""


@dataclass
class TaskInstance:
    """What the operator uses of Airflow's task instance."""

    task: MySmppSendOperator
    run_id: str
    map_index: int
    try_number: int
    dag_id: str = "reminders"
    task_id: str = "send"
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep an XCom as Airflow does: through JSON."""
        self.xcoms[key] = json.loads(json.dumps(value))


@dataclass
class Attempt:
    """What came of one try of the task."""

    xcoms: dict[str, Any]
    error: BaseException | None
    operator: MySmppSendOperator

    @property
    def mapping(self) -> Any:
        """The mapping, returned or pushed, or the path of the results."""
        return self.xcoms["return_value"]

    @property
    def summary(self) -> dict[str, Any]:
        """The counts."""
        found: dict[str, Any] = self.xcoms["summary"]
        return found

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The failures."""
        found: list[dict[str, Any]] = self.xcoms["failed"]
        return found

    @property
    def ids(self) -> dict[str, str]:
        """The ``id_sms`` of each phone of the mapping."""
        return {entry["phone"]: entry["id_sms"] for entry in self.mapping}

    @property
    def counts(self) -> dict[str, int]:
        """How many rows ended in each status that occurred."""
        statuses = ("accepted", "rejected", "invalid", "duplicate", "unknown", "unsent")
        return {status: self.summary[status] for status in statuses if self.summary[status]}

    @property
    def verdict(self) -> str:
        """What Airflow does now: ``success``, ``retry`` or ``fail``."""
        if self.error is None:
            return "success"
        if isinstance(self.error, AirflowFailException):
            return "fail"
        return "retry" if isinstance(self.error, AirflowException) else type(self.error).__name__


@dataclass
class Try:
    """A try of the task that has not begun yet."""

    operator: MySmppSendOperator
    context: Any

    def run(self) -> Attempt:
        """Execute the operator; its exceptions are part of what comes back."""
        ti: TaskInstance = self.context["ti"]
        error: BaseException | None = None
        try:
            # Airflow's own wrapper lets only Airflow call execute.
            returned = type(self.operator).execute.__wrapped__(self.operator, self.context)  # type: ignore[attr-defined]
        except BaseException as raised:  # noqa: BLE001  -- an interruption by Airflow is one
            error = raised
        else:
            ti.xcom_push("return_value", returned)
        return Attempt(ti.xcoms, error, self.operator)


def prepare(*, run_id: str = "run-1", try_number: int = 1, map_index: int = -1, **kwargs: Any) -> Try:
    """Build the operator anew, as every try does. Not in two threads at once: Airflow has one DAG at a time."""
    with DAG("reminders", schedule=None) as dag:
        operator = MySmppSendOperator(task_id="send", **{"text": "Готово", **kwargs})
    ti = TaskInstance(operator, run_id, map_index, try_number)
    context = {"ti": ti, "task_instance": ti, "task": operator, "dag": dag, "run_id": run_id, "params": {}}
    operator.render_template_fields(context)  # type: ignore[arg-type]
    return Try(operator, context)


def attempt(**kwargs: Any) -> Attempt:
    """Prepare a try and run it."""
    return prepare(**kwargs).run()
