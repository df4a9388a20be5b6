"""Keep other web sites, open in a browser of this machine, away from the sandbox and its inbox."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


def is_loopback(host: str) -> bool:
    """
    Return whether a host name can only mean this machine.

    :param host: A name or an address, without a port.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """
    Refuse requests that a page of another site makes in a browser.

    Such a page may post here across origins, or have its own name resolve to this machine and then read the
    inbox as its own origin. The first shows in ``Origin``, the second in ``Host``.

    :param app: The application behind.
    :param loopback_only: Whether the sandbox listens on a loopback address, where no other name may lead here.
    """

    def __init__(self, app: ASGIApp, *, loopback_only: bool) -> None:
        self.app = app
        self.loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._welcome(Headers(scope=scope)):
            answer = JSONResponse({"error": "this request comes from another site"}, 403)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _welcome(self, headers: Headers) -> bool:
        host, origin = headers.get("host", ""), headers.get("origin")
        try:
            if origin is not None and urlsplit(origin).netloc != host:
                return False
            return not self.loopback_only or is_loopback(urlsplit(f"//{host}").hostname or "")
        except ValueError:  # one of them is no address
            return False
