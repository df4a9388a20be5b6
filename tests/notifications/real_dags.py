"""DAGs for a real Airflow: each ends in its own way, and texts people about it. Read as text by the tests."""

from __future__ import annotations

from typing import Final

CALLBACKS: Final = """
import time
from datetime import timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, task
from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier

RELEASE = Path({release!r})


def people(number, **parameters):
    return MySmppNotifier(to="{{{{ var.value.oncall_phones }}}}, 7961000000" + str(number), **parameters)


def wait_for_release():
    for _ in range(600):
        if RELEASE.exists():
            return
        time.sleep(0.2)


failure = people(1)
with DAG("fails", schedule=None, catchup=False, on_failure_callback=[failure, failure]):
    boom = people(2, text="{{{{ event.summary }}}}: {{{{ exception }}}}")

    @task(
        retries=2,
        retry_delay=timedelta(0),
        on_execute_callback=people(9),
        on_retry_callback=people(3),
        on_failure_callback=[boom, boom],
    )
    def boom_task():
        raise ValueError(f"at {{time.time_ns()}}")

    boom_task()

success = people(4)
with DAG("succeeds", schedule=None, catchup=False, on_success_callback=[success, success]):

    @task(on_success_callback=people(5, text="{{{{ ti.task_id }}}} {{{{ nothing.of.this.name }}}}"))
    def fine(number):
        return number

    fine.expand(number=[1, 2, 3])

with DAG(
    "takes_too_long",
    schedule=None,
    catchup=False,
    dagrun_timeout=timedelta(seconds=2),
    on_failure_callback=people(6),
):
    task(task_id="wait")(wait_for_release)()

with DAG("is_killed", schedule=None, catchup=False):
    task(task_id="wait", on_failure_callback=people(8))(wait_for_release)()
"""

DEADLINES: Final = """
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference

with DAG(
    "misses_its_deadline",
    schedule=None,
    catchup=False,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=1),
        callback=AsyncCallback(
            MySmppNotifier,
            kwargs={{"to": "{{{{ var.value.oncall_phones }}}}, 79610000007", "text": "{{{{ event.summary }}}}"}},
        ),
    ),
):
    task(task_id="wait")(wait_for_release)()
"""

SYNC_DEADLINES: Final = """
from airflow.sdk import SyncCallback

with DAG(
    "misses_it_for_the_executor",
    schedule=None,
    catchup=False,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=1),
        # Airflow lets no callback in an executor read connections and variables of its database.
        callback=SyncCallback(MySmppNotifier, kwargs={{"to": 79610000010, "mysmpp_conn_id": "of_environment"}}),
    ),
):
    task(task_id="wait")(wait_for_release)()
"""

DECORATOR: Final = """
from airflow_provider_mysmpp.decorators import task as typed_task

with DAG("decorates", schedule=None, catchup=False):

    @task(show_return_value_in_logs=False)
    def people_to_text():
        return ["79620000001", "79620000002"]

    @typed_task.mysmpp(text="{{name}}, {{{{ run_id }}}}")
    def remind(phones, name):
        for phone in phones:
            yield {{"phone": phone, "name": name}}

    @typed_task.mysmpp(text="Each of many")
    def remind_each(phone, key):
        return {{"phone": phone, "key": key}}

    remind(people_to_text(), name="Anna")
    remind_each.partial(key="A").expand(phone=people_to_text())
"""


def dag_file(release: str, *, deadlines: bool, sync_deadlines: bool) -> str:
    """
    Return a DAG file.

    :param release: The file that ends the tasks which wait.
    :param deadlines: Whether this Airflow knows deadlines.
    :param sync_deadlines: Whether it runs their callbacks in an executor, too.
    """
    source = CALLBACKS + DECORATOR + (DEADLINES if deadlines else "") + (SYNC_DEADLINES if sync_deadlines else "")
    return source.format(release=release)
