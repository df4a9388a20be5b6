"""What a MySMPP connection says, checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_mysmpp.gateway.errors import ConfigurationError

DEFAULT_SCHEME: Final = "http"
DEFAULT_HOST: Final = "lk.mysmpp.ru"
DEFAULT_TIMEOUT: Final = 60.0
DEFAULT_TIMEZONE: Final = "Europe/Moscow"

_SCHEMES: Final = ("http", "https")
_LAST_PORT: Final = 65_535
_NO_ADDRESS: Final = "has a host that is no address; give a name, with the scheme before it if need be"
# Labels of at most 63 characters (RFC 1035), in any alphabet, or an IPv6 address; then a port, perhaps.
_HOST_NAME: Final = re.compile(r"(?:[\w-]{1,63}(?:\.[\w-]{1,63})*\.?|\[[0-9a-f:.]+(?:%\w+)?\])(?::\d*)?", re.IGNORECASE)
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Connection(Protocol):
    """The fields of an Airflow connection that are read here."""

    conn_id: Any
    schema: Any
    host: Any
    port: Any
    login: Any
    password: Any

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra as a dictionary."""


@dataclass(frozen=True, slots=True)
class Settings:
    """
    A connection, read and checked.

    :param base_url: Scheme, host and port of the gateway.
    :param login: The login, or None with a token.
    :param password: Its password, or None with a token.
    :param token: The secret key that takes their place, or None.
    :param sender: The sender for messages that have none of their own, or None.
    :param timeout: Seconds to wait for an answer.
    :param timezone: The account's time zone.
    :param verify: Whether TLS certificates are verified, or the path of a bundle of authorities.
    :param messages_per_second: The rate that no send exceeds, or None.
    """

    base_url: str
    login: str | None = field(repr=False)
    password: str | None = field(repr=False)
    token: str | None = field(repr=False)
    sender: str | None
    timeout: float
    timezone: ZoneInfo
    verify: bool | str
    messages_per_second: float | None

    @property
    def exposes_credentials(self) -> bool:
        """True where credentials would cross a network unencrypted."""
        address = urlsplit(self.base_url)
        return address.scheme == "http" and not _is_loopback(address.hostname or "")


def read_connection(connection: Connection) -> Settings:
    """
    Return what a connection says.

    Fields that are empty or null count as absent, and so does port 0: Airflow 3 stores every field of a form.

    :param connection: The Airflow connection.
    :raises ConfigurationError: A field can't be used; the error names the connection and the field.
    """
    extra = {name: value for name, value in connection.extra_dejson.items() if value not in (None, "")}
    reader = _Extra(connection.conn_id, extra)
    login, password, token = connection.login or None, connection.password or None, reader.text("token")
    if token is None and (login is None or password is None):
        missing = " and ".join(name for name, value in (("login", login), ("password", password)) if value is None)
        raise reader.error(f"has no {missing}; set login and password, or 'token' in the extra instead of both")
    return Settings(
        base_url=_base_url(connection, reader),
        login=login,
        password=password,
        token=token,
        sender=reader.text("sender"),
        timeout=reader.positive("timeout") or DEFAULT_TIMEOUT,
        timezone=reader.zone("timezone", DEFAULT_TIMEZONE),
        verify=reader.truth_or_path("verify"),
        messages_per_second=reader.positive("messages_per_second"),
    )


@dataclass(frozen=True, slots=True)
class _Extra:
    """Read the fields of an extra, whichever type a form, a URI or JSON gave them."""

    conn_id: str
    values: dict[str, Any]

    def error(self, words: str) -> ConfigurationError:
        return ConfigurationError(f"The connection '{self.conn_id}' {words}")

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)

    def positive(self, name: str) -> float | None:
        value = self.values.get(name)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = 0.0
        if not 0 < number < float("inf"):
            raise self.error(f"has a '{name}' in its extra that is no number above 0; correct it or leave it out")
        return number

    def zone(self, name: str, default: str) -> ZoneInfo:
        try:
            return ZoneInfo(self.text(name) or default)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self.error(f"has a '{name}' in its extra that is no time zone, like {default}") from None

    def truth_or_path(self, name: str) -> bool | str:
        value = self.values.get(name, True)
        return value if isinstance(value, bool) else _WORDS.get(str(value).strip().casefold(), str(value))


def _base_url(connection: Connection, reader: _Extra) -> str:
    host = (connection.host or DEFAULT_HOST).strip()
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = connection.schema or DEFAULT_SCHEME, host
    if scheme.lower() not in _SCHEMES:
        raise reader.error(f"has the schema '{scheme}'; it may be {' or '.join(_SCHEMES)}")
    if rest.count(":") > 1 and not rest.startswith("["):
        rest = f"[{rest}]"  # an IPv6 address
    try:
        address = urlsplit(f"{scheme.lower()}://{rest}")
        port = connection.port or address.port
    except ValueError:
        raise reader.error(_NO_ADDRESS) from None
    if address.query or address.fragment or not _HOST_NAME.fullmatch(address.netloc):
        raise reader.error(_NO_ADDRESS)
    if port and not 0 < port <= _LAST_PORT:
        raise reader.error(f"has the port {port}; give one from 1 to {_LAST_PORT}, or none")
    name = address.hostname or ""
    name = f"[{name}]" if ":" in name else name
    # People copy the address of the send call from the gateway's document.
    path = address.path.rstrip("/").removesuffix("/json")
    return f"{address.scheme}://{name}{f':{port}' if port else ''}{path}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
