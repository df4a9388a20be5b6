"""What Airflow learns about the package."""

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
        "connection-types": [connection_type()],
    }
