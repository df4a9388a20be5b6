"""What Airflow stores and shows of a field that holds people."""

from __future__ import annotations

import pytest

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.hooks.hidden import Hidden, holds_references, is_template


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


def test_a_list_is_taken_any_number_of_times_and_an_iterator_once() -> None:
    rows = ["79000000001"]
    again, once = Hidden(rows, "recipients"), Hidden(iter(rows), "recipients")
    assert again.take() is again.take() is rows
    assert list(once.take()) == rows
    with pytest.raises(ConfigurationError, match="recipients is an iterator that was read before"):
        once.take()


class Reference:
    """What Airflow resolves."""

    def iter_references(self) -> list[object]:
        return []

    def resolve(self, _context: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Reference(), True),
        ([1, Reference()], True),
        (({"phone": [Reference()]},), True),
        ({"phone": "79000000001", "names": ["Anna"]}, False),
        (iter([Reference()]), False),  # nobody can look into it and leave it as it was
        ("79000000001", False),
        (None, False),
    ],
)
def test_what_airflow_resolves_is_found_wherever_it_stands(value: object, expected: bool) -> None:
    assert holds_references(value) is expected
