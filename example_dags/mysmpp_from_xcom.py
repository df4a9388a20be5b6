"""Text the recipients that a task returns, and hand their message numbers on."""

from __future__ import annotations

# [START from_xcom]
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

with DAG("mysmpp_from_xcom", schedule=None, catchup=False, tags=["mysmpp", "example"]):

    @task(show_return_value_in_logs=False)  # phones do not belong in logs
    def debtors() -> list[dict[str, Any]]:
        """Return who is to be reminded; a real task would ask another system."""
        return [
            {"phone": "+7 961 224-22-43", "key": "A-17", "name": "Анна", "sum": 1250.5},
            {"phone": "8 (961) 224-22-44", "key": "A-18", "name": "Борис", "sum": 80},
        ]

    remind = MySmppSendOperator(
        task_id="remind",
        recipients=debtors(),
        text="{name}, к оплате {sum:.2f} ₽ до пятницы.",
    )

    @task
    def store(mapping: list[dict[str, str]]) -> None:
        """Keep which message belongs to which contract, to ask for its delivery later."""
        for entry in mapping:
            print(f"contract {entry['key']} -> id_sms {entry['id_sms']}")

    store(remind.output)
    # [END from_xcom]
