"""Text the recipients that a decorated function yields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_mysmpp.decorators import task

with DAG("mysmpp_decorator", schedule=None, catchup=False, tags=["mysmpp", "example"]):
    # [START decorator]
    @task.mysmpp(text="{name}, к оплате {sum:.2f} ₽ до пятницы.", tolerated_failures=0.05)
    def remind() -> Iterator[dict[str, Any]]:
        """Yield who is to be reminded; a real task would ask another system, page by page."""
        for number, name in enumerate(("Анна", "Борис", "Вера")):
            yield {"phone": f"7961224000{number}", "key": f"A-{number}", "name": name, "sum": 80 + number}

    @task
    def store(mapping: list[dict[str, str]]) -> None:
        """Keep which message belongs to which contract, to ask for its delivery later."""
        for entry in mapping:
            print(f"contract {entry['key']} -> id_sms {entry['id_sms']}")

    store(remind())
    # [END decorator]
