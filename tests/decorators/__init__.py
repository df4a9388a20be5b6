"""Tests of the task decorator."""
