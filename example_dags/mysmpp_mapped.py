"""Text a list in shards, each in a task of its own."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

with DAG("mysmpp_mapped", schedule=None, catchup=False, tags=["mysmpp", "example"]):
    # [START mapped]
    @task(show_return_value_in_logs=False)  # phones do not belong in logs
    def shards() -> list[list[str]]:
        """Split a list: shards, never one task for each phone."""
        phones = [f"7961224{number:04}" for number in range(60)]
        return [phones[start : start + 20] for start in range(0, len(phones), 20)]

    send = MySmppSendOperator.partial(task_id="send", text="The office is closed tomorrow.").expand(recipients=shards())

    @task
    def count(mappings: list[list[dict[str, str]]]) -> int:
        """Count what all shards together sent."""
        return sum(len(mapping) for mapping in mappings)

    count(send.output)
    # [END mapped]
