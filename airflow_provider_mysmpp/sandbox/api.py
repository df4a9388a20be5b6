"""Serve the inbox page and the JSON API that mirrors it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from airflow_provider_mysmpp.sandbox import checks, rules, states
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.faults import PATHS

MOST: Final = 10_000
"""How many entries a list of the API holds at most."""

_PAGE_SIZE: Final = 50
_LONGEST: Final = 12
_LONGEST_ID: Final = 19
_TEMPLATES: Final = Environment(
    loader=PackageLoader("airflow_provider_mysmpp.sandbox"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class NotFoundError(LookupError):
    """There is nothing of this name or number."""


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def _paging(request: Request) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, default, lowest, highest in (("limit", _PAGE_SIZE, 0, MOST), ("offset", 0, 0, 10**_LONGEST)):
        given = request.query_params.get(name, str(default))
        number = int(given) if given.isascii() and given.isdecimal() and len(given) <= _LONGEST else -1
        read |= checks.read_all({name: number}, {name: checks.whole(lowest, highest)})
    return read


async def _given(request: Request) -> Mapping[str, Any]:
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise checks.ParameterError("the body must be a JSON object")
    return given


async def inbox(request: Request) -> Response:
    """
    Show the newest messages.

    :param request: Its query may hold ``q``, ``limit`` and ``offset``.
    """
    sandbox = _sandbox(request)
    sandbox.move_states()
    query, paging = request.query_params.get("q", ""), _paging(request)
    total, messages = sandbox.ledger.messages(query=query, **paging)
    nonce = secrets.token_urlsafe(16)
    page = _TEMPLATES.get_template("inbox.html").render(
        messages=messages,
        total=total,
        query=query,
        limit=paging["limit"],
        most=MOST,
        summary=_summary(sandbox),
        settings=sandbox.shown_settings(),
        url=str(request.base_url).rstrip("/"),
        phone_errors={
            phone: (code, rules.words(code, sandbox.settings.language)) for phone, code in rules.PHONE_ERRORS.items()
        },
        phone_states=states.PHONE_STATES,
        sender_errors=rules.SENDER_ERRORS,
        text_errors=rules.TEXT_ERRORS,
        nonce=nonce,
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
        " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(page, headers={"content-security-policy": policy})


async def list_messages(request: Request) -> Response:
    """
    List messages, the newest first.

    :param request: Its query may hold ``phone``, ``q``, ``limit`` and ``offset``.
    """
    sandbox, params = _sandbox(request), request.query_params
    sandbox.move_states()
    total, messages = sandbox.ledger.messages(
        **_paging(request), phone=params.get("phone", ""), query=params.get("q", "")
    )
    return JSONResponse({"total": total, "messages": messages})


async def one_message(request: Request) -> Response:
    """
    Show one message.

    :param request: Its path ends with the ``id_sms``.
    """
    sandbox = _sandbox(request)
    sandbox.move_states()
    given = request.path_params["id_sms"]
    known = given.isascii() and given.isdecimal() and len(given) <= _LONGEST_ID
    message = sandbox.ledger.message(int(given)) if known else None
    if message is None:
        raise NotFoundError("there is no message with this id_sms")
    return JSONResponse(message)


async def clear_messages(request: Request) -> Response:
    """
    Forget every message and every request.

    :param request: The request.
    """
    return JSONResponse({"deleted": _sandbox(request).ledger.clear()})


async def list_requests(request: Request) -> Response:
    """
    List the requests of one path, the newest first.

    :param request: Its query may hold ``path``, ``limit`` and ``offset``.
    """
    path = request.query_params.get("path", PATHS[0])
    checks.read_all({"path": path}, {"path": checks.choice(PATHS)})
    total, requests = _sandbox(request).ledger.requests(path=path, **_paging(request))
    return JSONResponse({"total": total, "requests": requests})


async def summary(request: Request) -> Response:
    """
    Count messages, requests, states, faults and money.

    :param request: The request.
    """
    sandbox = _sandbox(request)
    sandbox.move_states()
    return JSONResponse(_summary(sandbox))


def _summary(sandbox: Sandbox) -> dict[str, Any]:
    shown = sandbox.shown_settings()
    return {**sandbox.ledger.summary(), "faults": len(sandbox.faults.shown()), "money": shown["money"]}


async def list_faults(request: Request) -> Response:
    """
    List the faults that wait.

    :param request: The request.
    """
    return JSONResponse({"faults": _sandbox(request).faults.shown()})


async def add_fault(request: Request) -> Response:
    """
    Queue a fault.

    :param request: Its body is the fault: ``kind`` and parameters.
    """
    return JSONResponse(_sandbox(request).faults.add(await _given(request)).shown(), 201)


async def clear_faults(request: Request) -> Response:
    """
    Forget every fault.

    :param request: The request.
    """
    _sandbox(request).faults.clear()
    return JSONResponse({"faults": []})


async def show_settings(request: Request) -> Response:
    """
    Show the settings.

    :param request: The request.
    """
    return JSONResponse(_sandbox(request).shown_settings())


async def change_settings(request: Request) -> Response:
    """
    Change some settings.

    :param request: Its body holds the settings to change.
    """
    _sandbox(request).change(await _given(request))
    return await show_settings(request)


async def reset_settings(request: Request) -> Response:
    """
    Go back to the settings of the start.

    :param request: The request.
    """
    _sandbox(request).reset_settings()
    return await show_settings(request)


async def show_clock(request: Request) -> Response:
    """
    Show the clock.

    :param request: The request.
    """
    clock = _sandbox(request).clock
    return JSONResponse({"time": states.account_time(clock.now()), "running": clock.running})


async def advance_clock(request: Request) -> Response:
    """
    Put the clock forward.

    :param request: Its body holds ``advance_seconds``.
    """
    reader = {"advance_seconds": checks.number(0, 10**8)}
    seconds = checks.read_all(await _given(request), reader)
    if not seconds:
        raise checks.ParameterError("advance_seconds: is needed")
    _sandbox(request).clock.advance(seconds["advance_seconds"])
    _sandbox(request).move_states()
    return await show_clock(request)


async def health(_: Request) -> Response:
    """Say that the sandbox is up."""
    return JSONResponse({"status": "ok"})


async def on_bad_parameter(_: Request, error: Exception) -> Response:
    """
    Tell what is wrong with a request of the API.

    :param error: What the handler raised.
    """
    return JSONResponse({"error": str(error)}, 404 if isinstance(error, NotFoundError) else 400)


ROUTES: Final = [
    Route("/", inbox),
    Route("/health", health),
    Route("/api/messages", list_messages, methods=["GET"]),
    Route("/api/messages", clear_messages, methods=["DELETE"]),
    Route("/api/messages/{id_sms}", one_message),
    Route("/api/requests", list_requests),
    Route("/api/summary", summary),
    Route("/api/faults", list_faults, methods=["GET"]),
    Route("/api/faults", add_fault, methods=["POST"]),
    Route("/api/faults", clear_faults, methods=["DELETE"]),
    Route("/api/settings", show_settings, methods=["GET"]),
    Route("/api/settings", change_settings, methods=["PATCH"]),
    Route("/api/settings", reset_settings, methods=["DELETE"]),
    Route("/api/clock", show_clock, methods=["GET"]),
    Route("/api/clock", advance_clock, methods=["POST"]),
]
"""The inbox and its API."""
