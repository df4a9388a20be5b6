"""What happens to a send when something breaks: the wire, the process, Airflow."""
