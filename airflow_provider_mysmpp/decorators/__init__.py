"""
Airflow's ``task``, known to editors and type checkers with its ``mysmpp``.

::

    from airflow_provider_mysmpp.decorators import task


    @task.mysmpp(text="Your parcel has arrived.")
    def remind(): ...

At run time it is Airflow's own. What Airflow itself says about ``task`` to editors names only its own decorators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["task"]

if TYPE_CHECKING:
    from airflow.sdk.definitions.decorators import TaskDecoratorCollection

    from airflow_provider_mysmpp.decorators.mysmpp import mysmpp_task

    class MySmppTasks(TaskDecoratorCollection):
        """Airflow's task decorators, and this package's."""

        def __init__(self) -> None:
            self.mysmpp = mysmpp_task

    task: MySmppTasks
else:
    from airflow.providers.common.compat.sdk import task
