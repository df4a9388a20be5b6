"""What the tests of the notifier share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import DAG

RUN = "manual__2026-01-01T00:00:00+00:00"
PHONE = "79612242243"
OTHER = "79612242244"


def failed(words: str = "out of memory", **more: Any) -> dict[str, Any]:
    """Return the context of a failed task's callback."""
    fields = {"dag_id": "shop", "task_id": "load", "run_id": RUN, "map_index": -1, "try_number": 1, "state": "failed"}
    dag = more.pop("dag", None) or DAG("shop", schedule=None)
    return {"dag": dag, "run_id": RUN, "ti": SimpleNamespace(**fields | more), "exception": ValueError(words)}
