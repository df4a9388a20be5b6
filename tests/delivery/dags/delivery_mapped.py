"""Two shards are sent and waited for, each by a task of its own; then all of them by one."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor

SHARDS = [["79612242243", "79612242244"], ["79612242245"]]

with DAG("delivery_mapped", schedule=None, catchup=False) as dag:
    send = MySmppSendOperator.partial(task_id="send", text="Завтра офис закрыт.").expand(recipients=SHARDS)
    each = MySmppDeliverySensor.partial(task_id="each", deferrable=True, poke_interval=0.2, timeout=60)
    waits = each.expand(messages=send.output)
    together = MySmppDeliverySensor(
        task_id="together", messages=send.output, deferrable=True, poke_interval=0.2, timeout=60
    )
    waits >> together
