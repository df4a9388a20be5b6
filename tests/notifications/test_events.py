"""What every context of Airflow says about its event."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_mysmpp.notifications.events import read_event

RUN = "scheduled__2026-01-01T00:00:00+00:00"


def of_task(state: str | None, **more: Any) -> dict[str, Any]:
    """Return the context of a task's callback, as far as it matters."""
    fields = {"dag_id": "shop", "task_id": "load", "run_id": RUN, "map_index": -1, "try_number": 2, "state": state}
    ti = SimpleNamespace(**fields | more)
    return {"dag": SimpleNamespace(dag_id="shop"), "run_id": RUN, "ti": ti, "dag_run": SimpleNamespace(dag_id="shop")}


def of_dag(reason: str | None, **more: Any) -> dict[str, Any]:
    """Return the least that a DAG's callback gets in the DAG processor."""
    return {"dag": SimpleNamespace(dag_id="shop"), "run_id": RUN, "reason": reason, **more}


def of_deadline(identity: str = "0197-ab", time: Any = datetime(2026, 1, 1, 6, 30, tzinfo=UTC)) -> dict[str, Any]:
    """Return all that a deadline's callback gets in the triggerer."""
    run = {"dag_id": "shop", "dag_run_id": RUN, "state": "running"}
    return {"dag_run": run, "deadline": {"id": identity, "deadline_time": time}}


@pytest.mark.parametrize(
    ("context", "key", "summary"),
    [
        (of_task("failed"), f"shop/load/{RUN}/failure", f"task shop.load failed (try 2), run {RUN}"),
        (
            of_task("failed") | {"exception": KeyError("a secret")},
            f"shop/load/{RUN}/failure",
            f"task shop.load failed (KeyError, try 2), run {RUN}",
        ),
        (
            of_task("up_for_retry") | {"exception": ValueError()},
            f"shop/load/{RUN}/retry",
            f"task shop.load failed and will be tried again (ValueError, try 2), run {RUN}",
        ),
        (
            of_task("failed", map_index=3) | {"exception": "a process died"},
            f"shop/load/{RUN}/failure",
            f"task shop.load[3] failed (try 2), run {RUN}",
        ),
        (of_task("success"), f"shop/load/{RUN}/success", f"task shop.load succeeded, run {RUN}"),
        (of_task("skipped"), f"shop/load/{RUN}/skip", f"task shop.load was skipped, run {RUN}"),
        (of_dag("task_failure"), f"shop/{RUN}/failure", f"DAG shop failed (task_failure), run {RUN}"),
        (of_dag("timed_out"), f"shop/{RUN}/failure", f"DAG shop failed (timed_out), run {RUN}"),
        (of_dag("success"), f"shop/{RUN}/success", f"DAG shop succeeded, run {RUN}"),
        (of_dag(None), f"shop/{RUN}/failure", f"DAG shop failed, run {RUN}"),
        (
            of_deadline(),
            f"shop/{RUN}/deadline/0197-ab",
            f"DAG shop missed its deadline (2026-01-01 06:30 UTC), run {RUN}",
        ),
        (
            of_deadline(time="2026-01-01T09:30:00+03:00"),
            f"shop/{RUN}/deadline/0197-ab",
            f"DAG shop missed its deadline (2026-01-01 06:30 UTC), run {RUN}",
        ),
        (
            of_deadline(time="soon"),
            f"shop/{RUN}/deadline/0197-ab",
            f"DAG shop missed its deadline (soon), run {RUN}",
        ),
        (
            {"dag": SimpleNamespace(dag_id="shop"), "task_list": "load on 2026-01-01"},
            "shop/load on 2026-01-01/sla_miss",
            "DAG shop missed an SLA, run load on 2026-01-01",
        ),
    ],
)
def test_the_key_and_the_words_of_an_event(context: dict[str, Any], key: str, summary: str) -> None:
    event = read_event(context)

    assert event.key == key
    assert str(event) == summary


def test_that_a_dag_callback_is_about_the_dag_although_it_names_a_task() -> None:
    event = read_event(of_task("failed") | {"reason": "task_failure"})

    assert (event.kind, event.task_id) == ("failure", None)


@pytest.mark.parametrize(("state", "kind"), [("success", "success"), ("failed", "failure"), ("running", "failure")])
def test_that_the_run_tells_what_a_missing_reason_does_not(state: str, kind: str) -> None:
    assert read_event(of_dag(None, dag_run=SimpleNamespace(state=state))).kind == kind


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"max_tries": 0, "try_number": 1}, "failure"),
        ({"max_tries": 2, "try_number": 2}, "retry"),
        ({"max_tries": 2, "try_number": 3}, "failure"),
        ({"start_date": datetime.now(UTC), "end_date": None}, "start"),
    ],
)
def test_the_kind_of_an_event_whose_task_tells_no_state(fields: dict[str, Any], kind: str) -> None:
    assert read_event(of_task(None, **fields)).kind == kind


def test_that_the_process_that_reports_a_failure_does_not_matter() -> None:
    in_the_task = of_task("failed", max_tries=1) | {"exception": ValueError("once")}
    in_the_dag_processor = of_task(None, max_tries=1)

    assert read_event(in_the_task).key == read_event(in_the_dag_processor).key


def test_that_each_deadline_of_a_run_is_an_event_of_its_own() -> None:
    assert read_event(of_deadline("1")).key != read_event(of_deadline("2")).key


@pytest.mark.parametrize("context", [{}, {"ti": None}, {"deadline": None}, {"dag_run": {}}])
def test_that_nothing_which_is_missing_raises(context: dict[str, Any]) -> None:
    assert read_event(context).summary
