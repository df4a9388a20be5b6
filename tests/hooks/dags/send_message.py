"""Tasks that text somebody by the hook, twice each, as a function does that a retry calls again."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, task
from airflow.providers.common.compat.standard.operators import PythonOperator

from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook


def text_twice() -> list[dict[str, Any]]:
    """Send the same message twice, each time by a hook of its own."""
    return [MySmppHook().send_message("79612242243", "The night load failed") for _ in range(2)]


with DAG("send_message", schedule=None, catchup=False) as dag:

    @task(show_return_value_in_logs=False)
    def decorated() -> list[dict[str, Any]]:
        """Text somebody."""
        return text_twice()

    decorated()
    PythonOperator(task_id="plain", python_callable=text_twice, show_return_value_in_logs=False)
