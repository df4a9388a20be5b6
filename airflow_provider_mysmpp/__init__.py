"""Send SMS and Viber messages from Apache Airflow through the MySMPP gateway."""

__version__ = "0.1.0"
