"""Airflow learns the connection form and the package in both ways that it asks."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pydoc import locate
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_mysmpp.get_provider_info import get_provider_info
from airflow_provider_mysmpp.hooks.form import CONN_FIELDS, connection_type, field_behaviour
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.hooks.settings import read_connection
from tests.support import AIRFLOW

PACKAGE = "airflow_provider_mysmpp."


def schema(name: str) -> dict[str, Any]:
    folder = Path(airflow.__file__).parent
    return dict(json.loads((folder / name).read_text(encoding="utf-8")))


def test_the_provider_info_fits_the_schema_of_packages() -> None:
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


def test_the_connection_type_fits_the_schema_of_forms() -> None:
    forms = schema("provider.yaml.schema.json")["properties"]["connection-types"]
    if "conn-fields" in forms["items"]["properties"]:
        jsonschema.validate([connection_type()], forms)
    else:  # Airflow before 3.2 knows only these three, and takes the form from the hook
        known = {name: value for name, value in connection_type().items() if name in forms["items"]["properties"]}
        jsonschema.validate([known], forms)


def test_the_behaviour_of_fields_fits_its_schema() -> None:
    jsonschema.validate(field_behaviour(), schema("customized_form_field_behaviours.schema.json"))


def test_the_entry_point_leads_to_the_provider_info() -> None:
    [entry] = [point for point in entry_points(group="apache_airflow_provider") if point.value.startswith(PACKAGE)]
    assert entry.load()() == get_provider_info()


def _named_modules(info: Any) -> list[str]:
    if isinstance(info, dict):
        return [name for value in info.values() for name in _named_modules(value)]
    if isinstance(info, list):
        return [name for value in info for name in _named_modules(value)]
    return [info] if isinstance(info, str) and info.startswith(PACKAGE) else []


def test_everything_that_the_provider_info_names_is_there() -> None:
    names = _named_modules(get_provider_info())
    assert names
    assert [name for name in names if locate(name) is None] == []


def test_the_form_names_what_the_connection_reads() -> None:
    class Asked(dict[str, Any]):
        names: set[str] = set()  # noqa: RUF012

        def get(self, name: str, default: Any = None) -> Any:
            self.names.add(name)
            return default

    class Connection:
        conn_id, schema, host, port, login, password = "texts", None, None, None, "anna", "pw"
        extra_dejson: dict[str, Any] = {}  # noqa: RUF012

    from airflow_provider_mysmpp.hooks import settings

    original = settings._Extra
    try:
        settings._Extra = lambda conn_id, _values: original(conn_id, Asked())  # type: ignore[assignment, misc]
        read_connection(Connection())
    finally:
        settings._Extra = original  # type: ignore[misc]
    assert Asked.names == set(CONN_FIELDS)


def test_the_hook_says_what_the_form_says() -> None:
    assert MySmppHook.get_ui_field_behaviour() == field_behaviour()
    named = connection_type()
    assert named["connection-type"] == MySmppHook.conn_type == "mysmpp"
    assert named["hook-name"] == MySmppHook.hook_name
    assert named["hook-class-name"] == f"{MySmppHook.__module__}.{MySmppHook.__qualname__}"
    assert MySmppHook.default_conn_name == "mysmpp_default"
    assert MySmppHook.conn_name_attr == "mysmpp_conn_id"


def test_the_port_is_never_hidden() -> None:
    assert "port" not in field_behaviour()["hidden_fields"], (
        "the Test button of Airflow 3.3 sends port 0 for a hidden one"
    )


def test_the_token_is_typed_as_a_password() -> None:
    assert CONN_FIELDS["token"]["schema"]["format"] == "password"


@pytest.mark.skipif(
    AIRFLOW >= (3, 0) and find_spec("flask_appbuilder") is None,
    reason="only Airflow 2.11 has the library of these forms",
)
def test_the_widgets_of_older_airflows() -> None:
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget

    widgets = MySmppHook.get_connection_form_widgets()
    assert set(widgets) == set(CONN_FIELDS)
    assert isinstance(widgets["token"].kwargs["widget"], BS3PasswordFieldWidget)


def test_airflow_itself_knows_the_connection_type() -> None:
    from airflow.providers_manager import ProvidersManager

    manager: Any = ProvidersManager()  # type: ignore[no-untyped-call]
    assert manager.providers["airflow-provider-mysmpp"].data["name"] == "MySMPP"
    assert "mysmpp" in manager.field_behaviours
    assert {name for name in manager.connection_form_widgets if name.startswith("extra__mysmpp__")} == {
        f"extra__mysmpp__{name}" for name in CONN_FIELDS
    }
