"""Put the sandbox together as one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from airflow_provider_mysmpp.sandbox import api, gateway, webhook
from airflow_provider_mysmpp.sandbox.calls import CALLS
from airflow_provider_mysmpp.sandbox.checks import ParameterError
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.guard import Guard


def build_app(sandbox: Sandbox, *, loopback_only: bool = True) -> Starlette:
    """
    Return the application of a sandbox.

    :param sandbox: The sandbox; closing its ledger is up to the caller.
    :param loopback_only: Whether it will listen on a loopback address.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        pushing = asyncio.create_task(webhook.push_forever(sandbox))
        try:
            yield
        finally:
            pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pushing

    app = Starlette(
        routes=[*(Route(path, gateway.call, methods=["POST"]) for path in CALLS), *api.ROUTES],
        middleware=[Middleware(Guard, loopback_only=loopback_only)],
        exception_handlers={
            ParameterError: api.on_bad_parameter,
            api.NotFoundError: api.on_bad_parameter,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a wrong path is to be noticed, not mended
    app.state.sandbox = sandbox
    return app
