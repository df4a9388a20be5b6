"""Run the sensor once as Airflow would: in a worker, or deferred with a trigger that travels through JSON."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.triggers.base import TriggerEvent

from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor
from airflow_provider_mysmpp.triggers.mysmpp import MySmppDeliveryTrigger

MODES = ("worker", "deferred")


@dataclass
class TaskInstance:
    """What the sensor uses of Airflow's task instance."""

    xcoms: dict[str, Any] = field(default_factory=dict)
    others: dict[tuple[str, str], Any] = field(default_factory=dict)
    dag_id: str = "delivery"
    task_id: str = "wait"
    run_id: str = "run-1"
    map_index: int = -1
    try_number: int = 1

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep an XCom as Airflow does: through JSON."""
        self.xcoms[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        """Return an XCom of another task."""
        return self.others.get((task_ids, key))


@dataclass
class Attempt:
    """What came of one try."""

    error: BaseException | None
    xcoms: dict[str, Any]
    deferrals: list[TaskDeferred]

    @property
    def verdict(self) -> str:
        """What Airflow makes of it."""
        kinds: list[tuple[type[BaseException], str]] = [
            (AirflowSkipException, "skip"),
            (AirflowFailException, "fail"),
            (AirflowSensorTimeout, "timeout"),
            (AirflowException, "retry"),
        ]
        if self.error is None:
            return "success"
        return next((word for kind, word in kinds if isinstance(self.error, kind)), repr(self.error))

    @property
    def words(self) -> str:
        """What the error says."""
        return str(self.error)

    @property
    def summary(self) -> dict[str, Any]:
        """The summary."""
        found: dict[str, Any] = self.xcoms["summary"]
        return found

    @property
    def states(self) -> dict[str, str | None]:
        """The state of each message."""
        return {str(entry["id_sms"]): entry["state"] for entry in self.xcoms["return_value"]}


def build(messages: Any, *, mode: str = "worker", **kwargs: Any) -> MySmppDeliverySensor:
    """Build the sensor in a DAG of its own."""
    settings = {"task_id": "wait", "poke_interval": 0.05, "timeout": 30, "deferrable": mode == "deferred", **kwargs}
    with DAG("delivery", schedule=None):
        return MySmppDeliverySensor(messages=messages, **settings)


def attempt(messages: Any, *, sent: Any = None, **kwargs: Any) -> Attempt:
    """Try the sensor, after a task that pushed ``sent`` as its summary; its exceptions are part of what comes back."""
    ti = TaskInstance(others={("send", "summary"): sent})
    done = Attempt(None, ti.xcoms, [])
    method, next_kwargs = "execute", None
    while True:
        sensor = build(messages, **kwargs)  # anew, as every process does
        sensor.send_task_id = "send"
        context: Any = {"ti": ti, "task_instance": ti, "task": sensor, "run_id": ti.run_id, "params": {}}
        sensor.render_template_fields(context)
        try:
            if method == "execute":
                # Airflow's own wrapper lets only Airflow call execute.
                value = type(sensor).execute.__wrapped__(sensor, context)  # type: ignore[attr-defined]
            else:
                value = sensor.resume_execution(method, next_kwargs, context)
        except TaskDeferred as deferral:
            done.deferrals.append(deferral)
            method, next_kwargs = deferral.method_name, {"event": asyncio.run(fire(travelled(deferral.trigger)))}
            continue
        except BaseException as error:  # noqa: BLE001  whatever it is, a test looks at it
            done.error = error
        else:
            ti.xcom_push("return_value", value)
        return done


def travelled(trigger: Any) -> MySmppDeliveryTrigger:
    """Return a trigger as it comes out of the metadata database."""
    path, kwargs = trigger.serialize()
    assert path == f"{MySmppDeliveryTrigger.__module__}.{MySmppDeliveryTrigger.__qualname__}"
    return MySmppDeliveryTrigger(**json.loads(json.dumps(kwargs)))


async def fire(trigger: MySmppDeliveryTrigger) -> Any:
    """Run a trigger to its only event, and return what that says, through JSON."""
    events: list[TriggerEvent] = [event async for event in trigger.run()]
    assert len(events) == 1
    return json.loads(json.dumps(events[0].payload))
