"""Tell Airflow what the package provides."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, as both of Airflow's schemas for it want it."""
    from airflow_provider_mysmpp.hooks.form import connection_type  # noqa: PLC0415

    return {
        "package-name": "airflow-provider-mysmpp",
        "name": "MySMPP",
        "description": "Send SMS and Viber messages through the MySMPP gateway, each recipient exactly once.",
        "integrations": [
            {
                "integration-name": "MySMPP",
                "external-doc-url": "http://lk.mysmpp.ru",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": "MySMPP", "python-modules": ["airflow_provider_mysmpp.hooks.mysmpp"]}],
        "operators": [{"integration-name": "MySMPP", "python-modules": ["airflow_provider_mysmpp.operators.mysmpp"]}],
        "sensors": [{"integration-name": "MySMPP", "python-modules": ["airflow_provider_mysmpp.sensors.mysmpp"]}],
        "triggers": [{"integration-name": "MySMPP", "python-modules": ["airflow_provider_mysmpp.triggers.mysmpp"]}],
        "notifications": ["airflow_provider_mysmpp.notifications.mysmpp.MySmppNotifier"],
        "task-decorators": [{"name": "mysmpp", "class-name": "airflow_provider_mysmpp.decorators.mysmpp.mysmpp_task"}],
        "connection-types": [connection_type()],
    }
