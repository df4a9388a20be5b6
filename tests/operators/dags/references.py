"""Recipients, a text and messages that hold what other tasks return, and a parameter of the run."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor

with DAG("references", schedule=None, catchup=False, params={"night": "79612242245"}) as dag:

    @task(show_return_value_in_logs=False)
    def code() -> str:
        """Return what a row waits for."""
        return "1234"

    @task(show_return_value_in_logs=False)
    def words() -> str:
        """Return a whole text."""
        return "Code {code}"

    rows = MySmppSendOperator(
        task_id="rows",
        recipients=[{"phone": "79612242243", "code": code()}, {"phone": "79612242244", "code": "5678"}],
        text=words(),
    )
    night = MySmppSendOperator(task_id="night", recipients=dag.param("night"), text="Night shift")  # type: ignore[arg-type]
    both = MySmppDeliverySensor(task_id="both", messages=[rows.output, night.output], poke_interval=0.2)
