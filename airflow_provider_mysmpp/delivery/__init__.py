"""Wait for the delivery of messages; nothing here imports Airflow."""
