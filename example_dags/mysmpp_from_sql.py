"""Text the customers that a query returns, and log what became of them."""

from __future__ import annotations

# [START from_sql]
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

with DAG("mysmpp_from_sql", schedule=None, catchup=False, tags=["mysmpp", "example"]):
    send = MySmppSendOperator(
        task_id="send",
        sql="SELECT phone, name, order_number AS key FROM customers WHERE ready ORDER BY id",
        sql_conn_id="shop",
        text="{name}, your order {key} is ready. We are open until 21:00.",
        tolerated_failures=0.05,  # a bad phone must not stop the shop: up to one in twenty
        mysmpp_conn_id="mysmpp_default",
    )
    # [END from_sql]

    @task(trigger_rule="all_done")
    def report(mapping: list[dict[str, str]], failed: list[dict[str, str]], summary: dict[str, int]) -> None:
        """Log the counts, the first of the mapping, and whoever was not texted."""
        print("summary:", summary)
        for entry in mapping[:5]:
            print("accepted: order", entry["key"], "is message", entry["id_sms"])
        for entry in failed:
            print("failed: row", entry["row"], entry["phone"], entry["status"], entry["code"], "-", entry["error"])

    report(send.output, send.output["failed"], send.output["summary"])
