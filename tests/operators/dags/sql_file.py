"""A query in a file beside the DAG, with templates in it and in its parameters."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

with DAG("sql_file", schedule=None, catchup=False, params={"city": "Omsk", "age": 18}) as dag:
    MySmppSendOperator(
        task_id="send",
        sql="customers.sql",
        sql_conn_id="shop",
        parameters={"age": "{{ params.age }}"},
        text="{name} from {{ params.city }}",
    )
