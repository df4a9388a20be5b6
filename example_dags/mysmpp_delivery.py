"""Text the customers that a query returns, wait until the messages arrive, and report what each outcome cost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor

with DAG("mysmpp_delivery", schedule=None, catchup=False, tags=["mysmpp", "example"]):
    # [START delivery]
    send = MySmppSendOperator(
        task_id="send",
        sql="SELECT phone, name, order_number AS key FROM customers WHERE ready ORDER BY id",
        sql_conn_id="shop",
        text="{name}, your order {key} is ready. We are open until 21:00.",
        validity_period=timedelta(hours=3),  # who is not reached by then is not texted at night
        tolerated_failures=0.05,
    )

    wait = MySmppDeliverySensor(
        task_id="wait",
        messages=send.output,
        deferrable=True,  # the triggerer waits, and no worker does
        success_ratio=0.8,  # this share must arrive, or the task fails
        poke_interval=60,
        timeout=timedelta(hours=4),
    )

    @task(trigger_rule="all_done")
    def report(summary: dict[str, Any], unsent: list[dict[str, Any]]) -> None:
        """Print how many were delivered and how many failed, and the price for each reason."""
        print(f"{summary['delivered']} delivered, {summary['failed']} failed, {summary['open']} open")
        for state, messages in summary["states"].items():
            print(f"{state}: {messages} messages for {summary['prices'].get(state, 0)}")
        for code, messages in Counter(entry["code"] for entry in unsent).items():
            print(f"{code}: {messages} never sent, for nothing")
        print(f"{summary['parts']} parts, {summary['estimated_parts']} expected, {summary['price']} in all")

    report(wait.output["summary"], send.output["failed"])
    # [END delivery]
