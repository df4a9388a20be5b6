"""Speak the MySMPP JSON API; nothing here imports Airflow."""
