"""
Text whoever is on call when a task is tried again, when a DAG fails and when it misses its deadline.

The phones are in the variable ``oncall_phones``. The run fails, so that there is something to read in the inbox.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier

# [START callbacks]
with DAG(
    "mysmpp_notifications",
    schedule=None,
    catchup=False,
    tags=["mysmpp", "example"],
    on_failure_callback=MySmppNotifier(to="{{ var.value.oncall_phones }}"),
):

    @task(
        retries=1,
        retry_delay=timedelta(seconds=1),
        on_retry_callback=MySmppNotifier(
            to="{{ var.value.oncall_phones }}",
            text="{{ ti.task_id }} of {{ event.dag_id }} is tried again: {{ exception }}",
        ),
    )
    def load() -> None:
        """Load what is not there."""
        raise FileNotFoundError("no orders of today")

    load()
# [END callbacks]

try:
    from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference
except ImportError:
    pass  # deadlines came with Airflow 3.1
else:
    # [START deadline]
    with DAG(
        "mysmpp_deadline",
        schedule=None,
        catchup=False,
        tags=["mysmpp", "example"],
        deadline=DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(minutes=30),
            callback=AsyncCallback(MySmppNotifier, kwargs={"to": "{{ var.value.oncall_phones }}"}),
        ),
    ):

        @task
        def report() -> None:
            """Do what must be done in half an hour."""

        report()
    # [END deadline]
