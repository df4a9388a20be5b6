"""Turn rows into a checked plan and the plan into outcomes; nothing here imports Airflow."""
