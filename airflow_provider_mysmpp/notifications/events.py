"""What a callback is about: read from whichever context Airflow gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_KINDS: Final = {
    "success": "success",
    "skipped": "skip",
    "up_for_retry": "retry",
    "failed": "failure",
    "upstream_failed": "failure",
}
"""The kind of event by the state of the task instance, or of the run."""

_WORDS: Final = {
    "success": "succeeded",
    "skip": "was skipped",
    "retry": "failed and will be tried again",
    "failure": "failed",
    "start": "started",
    "deadline": "missed its deadline",
    "sla_miss": "missed an SLA",
}


@dataclass(frozen=True, slots=True)
class Event:
    """
    What happened, in the same terms for the callbacks of tasks, DAGs and deadlines.

    :param kind: ``failure``, ``retry``, ``success``, ``skip``, ``start``, ``deadline`` or ``sla_miss``.
    :param dag_id: The DAG.
    :param task_id: The task, or None where the event is the DAG's.
    :param run_id: The run.
    :param map_index: The number of the mapped task instance, or -1.
    :param deadline_id: The deadline, or None.
    :param details: What more is known: the class of the exception, the try, the reason, the time of the deadline. Never
        the words of an exception, which may hold secrets.
    """

    kind: str
    dag_id: str
    task_id: str | None
    run_id: str
    map_index: int = -1
    deadline_id: str | None = None
    details: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What is the same whenever this event is reported, on every try of it and from every process."""
        return "/".join(filter(None, (self.dag_id, self.task_id, self.run_id, self.kind, self.deadline_id)))

    @property
    def subject(self) -> str:
        """The task or the DAG in words."""
        if self.task_id is None:
            return f"DAG {self.dag_id}"
        return f"task {self.dag_id}.{self.task_id}{f'[{self.map_index}]' if self.map_index >= 0 else ''}"

    @property
    def summary(self) -> str:
        """What happened, in words."""
        details = f" ({', '.join(self.details)})" if self.details else ""
        return f"{self.subject} {_WORDS[self.kind]}{details}, run {self.run_id}"

    def __str__(self) -> str:
        return self.summary


def read_event(context: Mapping[str, Any]) -> Event:
    """
    Return what a context is about. Nothing that is missing from it raises.

    :param context: What Airflow gives to a callback: of a task, of a DAG (with ``reason``), of a deadline (only
        ``dag_run`` and ``deadline``), or of an SLA of Airflow 2.
    """
    if "deadline" in context:
        deadline = context["deadline"]
        time = _moment(_field(deadline, "deadline_time"))
        return _event(context, "deadline", deadline_id=str(_field(deadline, "id")), details=(time,))
    if "task_list" in context:
        return _event(context, "sla_miss")
    if "reason" in context or context.get("ti") is None:
        reason = context.get("reason")
        kind = _KINDS.get(_text(reason or _field(context.get("dag_run"), "state")), "failure")
        return _event(context, kind, details=() if kind == "success" else (_text(reason),))
    return _task_event(context)


def _task_event(context: Mapping[str, Any]) -> Event:
    ti, error = context["ti"], context.get("exception")
    kind = _KINDS.get(_text(_field(ti, "state"))) or _kind_without_state(ti)
    details: tuple[str, ...] = ()
    if kind in ("failure", "retry"):
        details = (type(error).__name__ if isinstance(error, BaseException) else "", f"try {_field(ti, 'try_number')}")
    map_index = _field(ti, "map_index")
    return _event(
        context,
        kind,
        task_id=_text(_field(ti, "task_id")),
        map_index=-1 if map_index is None else map_index,
        details=details,
    )


def _kind_without_state(ti: Any) -> str:
    """
    Return the kind of an event whose task instance has no final state.

    One that has begun is about to run. Else its process died, and Airflow 3 runs the callback in the DAG processor,
    where it tells no state: it is up for a retry if it has tries left.
    """
    if _field(ti, "start_date") is not None and _field(ti, "end_date") is None:
        return "start"
    tries, most = _field(ti, "try_number") or 0, _field(ti, "max_tries") or 0
    return "retry" if most > 0 and tries <= most else "failure"


def _event(context: Mapping[str, Any], kind: str, *, details: tuple[str, ...] = (), **more: Any) -> Event:
    ti, dag_run = context.get("ti"), context.get("dag_run")
    run_id = context.get("run_id") or _field(dag_run, "run_id", "dag_run_id") or _field(ti, "run_id")
    return Event(
        kind=kind,
        dag_id=_text(_field(dag_run, "dag_id") or _field(ti, "dag_id") or _field(context.get("dag"), "dag_id")),
        # An SLA has no run, but the list of what missed it.
        run_id=_text(run_id or context.get("task_list")),
        details=tuple(filter(None, details)),
        **{"task_id": None, **more},
    )


def _field(thing: Any, *names: str) -> Any:
    """Return the first of some fields of an object, or of the mapping that a deadline's context has in its place."""
    for name in names:
        value = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
        if value is not None:
            return value
    return None


def _text(value: Any) -> str:
    return "" if value is None else str(getattr(value, "value", value))


def _moment(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else _text(value)
