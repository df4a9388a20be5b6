"""The connection form, in the two ways that Airflow asks for it."""

from __future__ import annotations

from typing import Any, Final

# Airflow 3.2 and later read these from the provider info; earlier ones get widgets made of the same facts.
CONN_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "token": {
        "label": "Token",
        "description": "Secret key from your manager at the gateway, instead of login and password.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "sender": {
        "label": "Sender",
        "description": "Sender of messages that have none of their own: up to 11 characters, or 15 if all are digits.",
        "schema": {"type": ["string", "null"], "maxLength": 15},
    },
    "timeout": {
        "label": "Timeout",
        "description": "Seconds to wait for the gateway's answer; 60 if empty.",
        "schema": {"type": ["number", "null"], "minimum": 1},
    },
    "timezone": {
        "label": "Time zone",
        "description": "Time zone of the account, which validity periods are written in; Europe/Moscow if empty.",
        "schema": {"type": ["string", "null"]},
    },
    "verify": {
        "label": "Verify TLS",
        "description": "Whether the gateway's TLS certificate is verified.",
        "schema": {"type": ["boolean", "null"], "default": True},
    },
    "messages_per_second": {
        "label": "Messages per second",
        "description": "Rate that no send exceeds; no limit if empty.",
        "schema": {"type": ["number", "null"], "minimum": 0},
    },
}

RELABELING: Final = {"schema": "Schema (http or https)"}
PLACEHOLDERS: Final = {
    "host": "lk.mysmpp.ru",
    "schema": "http",
    "login": "your login, if you have no token",
    "password": "its password",
}
# The port stays visible: the Test button of Airflow 3.3 sends 0 for a port that it does not show.
HIDDEN_FIELDS: Final[list[str]] = []


def field_behaviour() -> dict[str, Any]:
    """Return how the standard fields look, as Airflow 2.11 to 3.1 ask a hook for it."""
    return {"hidden_fields": HIDDEN_FIELDS, "relabeling": RELABELING, "placeholders": PLACEHOLDERS}


def connection_type() -> dict[str, Any]:
    """Return the connection type as Airflow 3.2 and later read it from the provider info."""
    return {
        "connection-type": "mysmpp",
        "hook-class-name": "airflow_provider_mysmpp.hooks.mysmpp.MySmppHook",
        "hook-name": "MySMPP",
        "conn-fields": CONN_FIELDS,
        "ui-field-behaviour": {
            "hidden-fields": HIDDEN_FIELDS,
            "relabeling": RELABELING,
            "placeholders": PLACEHOLDERS,
        },
    }


def form_widgets() -> dict[str, Any]:
    """Return the extra's fields as form widgets, as Airflow 2.11 to 3.1 ask a hook for them."""
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415
    from flask_babel import lazy_gettext  # noqa: PLC0415
    from wtforms import BooleanField, PasswordField, StringField  # noqa: PLC0415
    from wtforms.validators import Optional  # noqa: PLC0415

    def widget(field: dict[str, Any]) -> Any:
        words = {"description": field["description"], "validators": [Optional()]}
        label, schema = lazy_gettext(field["label"]), field["schema"]
        if schema.get("format") == "password":
            return PasswordField(label, widget=BS3PasswordFieldWidget(), **words)
        if "boolean" in schema["type"]:
            return BooleanField(label, default=schema["default"], **words)
        # Also for a number: Airflow 2.11 drops the whole connection type over a FloatField.
        return StringField(label, widget=BS3TextFieldWidget(), **words)

    return {name: widget(field) for name, field in CONN_FIELDS.items()}
