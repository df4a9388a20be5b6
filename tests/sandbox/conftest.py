"""The sandbox's own fixtures, as its users have them."""

from airflow_provider_mysmpp.sandbox.pytest_plugin import mysmpp_sandbox, mysmpp_sandbox_server

__all__ = ["mysmpp_sandbox", "mysmpp_sandbox_server"]
