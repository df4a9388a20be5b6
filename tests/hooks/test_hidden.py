"""What Airflow stores and shows of a field that holds people."""

from __future__ import annotations

import pytest

from airflow_provider_mysmpp.hooks.hidden import Hidden, is_template


def test_hidden_rows_show_their_number_and_nothing_else() -> None:
    hidden = Hidden(["79000000001", "79000000002"], "recipients")
    assert repr(hidden) == str(hidden) == hidden.serialize() == "<2 recipients, not shown>"
    assert repr(Hidden(iter(["79000000001"]), "messages")) == "<messages, not shown>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("{{ ds }}", True), ("{% if x %}", True), ("{name}", False), (["{{ ds }}"], False), (None, False)],
)
def test_a_template_is_told_from_what_it_becomes(value: object, expected: bool) -> None:
    assert is_template(value) is expected
