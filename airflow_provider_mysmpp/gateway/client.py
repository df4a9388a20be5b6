"""The client of the gateway: one pooled session, any number of threads."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from http import HTTPStatus
from threading import Event, Lock
from typing import Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError

from airflow_provider_mysmpp.gateway.balance import Balance, balance_document, read_balance_answer
from airflow_provider_mysmpp.gateway.documents import (
    CONTENT_TYPE,
    Answer,
    LateAnswer,
    Message,
    read_send_answer,
    send_document,
)
from airflow_provider_mysmpp.gateway.errors import (
    AmbiguousError,
    GatewayError,
    RedirectError,
    RefusedError,
    StoppedError,
    UnavailableError,
)
from airflow_provider_mysmpp.gateway.pacing import Pacer
from airflow_provider_mysmpp.gateway.privacy import hide_secrets
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy, parse_retry_after
from airflow_provider_mysmpp.gateway.states import (
    STATES_A_REQUEST,
    MessageState,
    collect_states,
    read_state_answer,
    state_document,
)

T = TypeVar("T")

_SEND_PATH: Final = "/json"
_STATE_PATH: Final = "/json/state.php"
_BALANCE_PATH: Final = "/json/balance.php"
_MOSCOW: Final = "Europe/Moscow"
_NEVER: Final = Event()
_PASSING: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
"""Statuses below 500 that a later request may not get."""

_NO_ADDRESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    LocationParseError,
)
"""What the same request will only meet again."""

_NEVER_SEEN: Final = (*_NO_ADDRESS, ConnectTimeoutError, ssl.SSLCertVerificationError)
"""What ends a request before a byte of it leaves; a refused connection is a ConnectTimeoutError of urllib3, too."""

_WORDS: Final[dict[type[Exception], str]] = {
    requests.exceptions.ConnectTimeout: "no connection in time",
    requests.exceptions.ReadTimeout: "no answer in time",
    requests.exceptions.SSLError: "the TLS connection failed",
    requests.exceptions.ProxyError: "the connection to the proxy failed",
    requests.exceptions.ChunkedEncodingError: "the answer broke off",
    requests.exceptions.ContentDecodingError: "the answer can't be decompressed",
    requests.exceptions.InvalidURL: "its address is not valid, or that of its proxy",
    LocationParseError: "its address is not valid",
    requests.exceptions.MissingSchema: "its address is not valid",
    requests.exceptions.InvalidSchema: "its address is not valid, or its proxy needs a library that is missing",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    A token, or a login with its password; never shown in a ``repr``.

    :param login: The login at the gateway.
    :param password: Its password.
    :param token: The secret key that takes the place of both.
    """

    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def fields(self) -> dict[str, str]:
        """Return the fields of a request body, the token before login and password, never both."""
        if self.token:
            return {"token": self.token}
        return {"login": self.login or "", "password": self.password or ""}


class GatewayClient:
    """
    Speak the gateway's JSON API.

    Requests are repeated by ``retry``: that is safe because every message carries its ``client_id_sms``.

    :param base_url: Scheme, host and port, without a path.
    :param credentials: Who asks.
    :param timeout: Seconds to wait for the gateway's next byte. Generous by default: a request that is given up
        may be carried out all the same.
    :param connect_timeout: Seconds to wait for a connection.
    :param verify: Whether the gateway's TLS certificate is verified, or the path of a bundle of authorities.
    :param messages_per_second: The rate that no send exceeds, or None for no limit.
    :param connections: How many requests may be in flight at once without opening a new connection for each.
    :param retry: When and how often a request is repeated.
    :param timezone: The account's time zone, in which the gateway writes moments; Moscow's if None.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        verify: bool | str = True,
        messages_per_second: float | None = None,
        connections: int = 64,
        retry: RetryPolicy | None = None,
        timezone: tzinfo | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.messages_per_second = messages_per_second
        self._credentials = credentials
        self._timeout = (min(connect_timeout, timeout), timeout)
        self._verify = verify
        self._retry = retry or RetryPolicy()
        self._timezone = timezone or ZoneInfo(_MOSCOW)
        self._pacer = Pacer(messages_per_second) if messages_per_second else None
        self._session = _session(connections)
        self._lock = Lock()
        self.requests_made = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def most_at_once(self, batch_size: int) -> int:
        """
        Return how many messages a request should hold: with a rate, no more than a second of it.

        :param batch_size: How many it may hold.
        """
        return (
            batch_size if self.messages_per_second is None else max(1, min(batch_size, int(self.messages_per_second)))
        )

    def send(self, messages: Sequence[Message], *, stop: Event = _NEVER) -> list[Answer]:
        """
        Send messages in one request and return what the gateway said about each, in their order.

        :param messages: What to send; each with its own ``client_id_sms``.
        :param stop: Once set, nothing is repeated any more.
        :raises GatewayError: The request ended without an answer for its messages.
        """
        body, order = send_document(self._credentials.fields(), messages)

        def request(maybe_sent: bool) -> list[Answer]:
            if self._pacer is not None:
                self._pacer.wait(len(messages), stop=stop)
            if stop.is_set():
                raise StoppedError("The send was stopped", maybe_sent=False)
            answers = self._ask(
                _SEND_PATH,
                body,
                lambda content, status: read_send_answer(content, status_code=status, order=order),
            )
            return [LateAnswer(*answer) for answer in answers] if maybe_sent else answers

        return self._retry.call(request, stop=stop)

    def get_states(
        self,
        ids: Iterable[Any],
        *,
        detail: bool = False,
        batch_size: int = STATES_A_REQUEST,
        silent: Collection[str] = (),
        retry: RetryPolicy | None = None,
        stop: Event = _NEVER,
    ) -> list[MessageState]:
        """
        Return the state of each message, in the order of the ids; None stands for what the gateway does not tell.

        :param ids: The messages' ``id_sms``, numbers or digits.
        :param detail: Whether to ask for parts and price too.
        :param batch_size: Messages that one request asks about, at most.
        :param silent: Ids that are not asked alone, should they be missing from an answer.
        :param retry: Instead of the client's.
        :param stop: Once set, no request is made any more.
        :raises ValueError: One of the ids is no ``id_sms``.
        :raises GatewayError: A request ended without an answer.
        """

        def ask(some: Sequence[str]) -> dict[str, MessageState]:
            return self._call(
                _STATE_PATH,
                state_document(self._credentials.fields(), some, detail=detail),
                lambda content, status: read_state_answer(content, status_code=status, zone=self._timezone),
                retry=retry,
                stop=stop,
            )

        return collect_states(ask, ids, batch_size=batch_size, silent=silent)

    def get_balance(self, *, retry: RetryPolicy | None = None) -> Balance:
        """
        Return the account's balance.

        :param retry: Instead of the client's.
        :raises GatewayError: The request ended without an answer.
        """
        return self._call(
            _BALANCE_PATH,
            balance_document(self._credentials.fields()),
            lambda content, status: read_balance_answer(content, status_code=status),
            retry=retry,
        )

    def _call(
        self,
        path: str,
        body: bytes,
        read: Callable[[bytes, int], T],
        *,
        retry: RetryPolicy | None = None,
        stop: Event = _NEVER,
    ) -> T:
        """Make a request that only reads."""

        def request(_: bool) -> T:
            if stop.is_set():
                raise StoppedError("The question was stopped", maybe_sent=False)
            return self._ask(path, body, read)

        return (retry or self._retry).call(request, stop=stop)

    def _ask(self, path: str, body: bytes, read: Callable[[bytes, int], T]) -> T:
        """Make one request and read its answer."""
        response = self._post(path, body)
        return _read(response, hide_secrets(response.content, self._credentials.fields().values()), read)

    def _post(self, path: str, body: bytes) -> requests.Response:
        with self._lock:
            self.requests_made += 1
        try:
            return self._session.post(
                self.base_url + path,
                data=body,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
            )
        except (requests.RequestException, HTTPError, ValueError) as error:
            failure = _unavailable(error)
        except OSError:
            failure = UnavailableError(
                "No answer from the gateway: the bundle of authorities that 'verify' or the environment names can't be"
                " read",
                maybe_sent=False,
                repeatable=False,
            )
        # Raised here and not above, so that it does not carry the library's error, which may hold the whole request.
        raise failure


class _Session(requests.Session):
    """A session that takes every answer for one: requests would parse even the address of a redirect not followed."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def _session(connections: int) -> requests.Session:
    session = _Session()
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers["Content-Type"] = CONTENT_TYPE
    session.headers["Accept"] = "application/json"
    # Without an auth here, requests would look the host up in ~/.netrc and add what it finds to every request.
    session.auth = lambda request: request
    return session


def _unavailable(error: Exception) -> UnavailableError:
    """Say what went wrong on the wire, and whether the gateway can have seen the request."""
    words = (words for kind, words in _WORDS.items() if isinstance(error, kind))
    return UnavailableError(
        f"No answer from the gateway: {next(words, 'the connection failed')} ({type(error).__name__})",
        maybe_sent=not any(isinstance(cause, _NEVER_SEEN) for cause in _causes(error)),
        repeatable=not isinstance(error, _NO_ADDRESS),
    )


def _causes(error: object) -> Iterator[Exception]:
    """
    Yield an error of requests and the reasons within it.

    requests tells a refused connection from a broken one nowhere else, and calls an answer that is lost behind a proxy
    an error of the proxy.
    """
    while isinstance(error, Exception):
        yield error
        error = getattr(error, "reason", None) or (error.args[-1] if error.args else None)


def _read(response: requests.Response, content: bytes, read: Callable[[bytes, int], T]) -> T:
    """Read the body of errors too, since it is not certain which status the gateway gives to which text."""
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise RedirectError(
            f"The gateway answered with a redirect (HTTP {status}), which a request with credentials never"
            " follows. Set the connection's schema, host and port to the gateway's own address.",
            status_code=status,
        )
    try:
        return read(content, status)
    except RefusedError as error:
        if error.entry is None and _is_passing(status):
            raise _failed(response) from None
        raise
    except UnavailableError:
        if status >= HTTPStatus.BAD_REQUEST:
            raise _failed(response) from None
        raise


def _failed(response: requests.Response) -> GatewayError:
    """Return the error of a status that speaks for itself, since the body does not."""
    status = response.status_code
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return AmbiguousError("The request was too large (HTTP 413)", status_code=status, maybe_sent=False)
    return UnavailableError(
        f"The gateway answered with HTTP {status}",
        status_code=status,
        maybe_sent=status != HTTPStatus.TOO_MANY_REQUESTS,
        retry_after=parse_retry_after(response.headers.get("Retry-After")),
        repeatable=_is_passing(status),
    )


def _is_passing(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
