"""Carry the gateway's three calls over HTTP: reading, processing, faults, the ledger's row, the log line."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from airflow_provider_mysmpp.gateway.privacy import mask_phone
from airflow_provider_mysmpp.sandbox import rules
from airflow_provider_mysmpp.sandbox.calls import CALLS, Call, Reply, refused
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.documents import Asked, RefusalError, SendDocument, check_content_type
from airflow_provider_mysmpp.sandbox.faults import JSON, Answer, Fault, HangUp
from airflow_provider_mysmpp.sandbox.ledger import RequestFacts

log = logging.getLogger("airflow_provider_mysmpp.sandbox")

TRANSPORT = "mysmpp_sandbox.transport"
"""The ASGI extension in which the server hands over the connection."""


class HangUpResponse(Response):
    """
    No answer at all: the connection ends.

    :param how: Whether the client finds it closed or reset.
    """

    def __init__(self, how: HangUp) -> None:
        super().__init__()
        self.how = how

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["extensions"][TRANSPORT]
        if self.how is HangUp.RESET:
            # Lingering for no time makes the kernel send RST where a plain close sends FIN.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await hang_up(transport, receive)


async def hang_up(transport: asyncio.Transport, receive: Receive) -> None:
    """
    Close a connection at once, and stay until the server knows that no answer will come.

    :param transport: The connection.
    :param receive: The request's ASGI channel.
    """
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def call(request: Request) -> Response:
    """
    Answer one of the gateway's calls.

    :param request: The request.
    """
    sandbox: Sandbox = request.app.state.sandbox
    path = request.url.path
    body = await request.body()
    fault = sandbox.faults.take(path)
    if fault is not None and (pause := fault.pause("before")):
        await sandbox.wait(pause)
    answer = _work(sandbox, path, request.headers.get("content-type"), body, fault)
    if fault is not None and (pause := fault.pause("after")):
        await sandbox.wait(pause)
    if answer.hang_up is not None:
        return HangUpResponse(answer.hang_up)
    return Response(answer.body, answer.status, answer.headers)


def _work(sandbox: Sandbox, path: str, content_type: str | None, body: bytes, fault: Fault | None) -> Answer:
    """Process a request, or leave it, and note it: in one transaction."""
    with sandbox.ledger.transaction():
        asked, reply = _reply(sandbox, CALLS[path], content_type, body, fault is None or fault.processed)
        answer = Answer(reply.status, json.dumps(reply.document, ensure_ascii=False).encode())
        answer.headers["content-type"], answer.language = JSON, sandbox.settings.language
        if fault is not None:
            fault.apply(answer)
        facts = RequestFacts(
            time=sandbox.clock.now(),
            path=path,
            status=None if answer.hang_up else answer.status,
            phones=asked.phones if asked else 0,
            accepted=reply.accepted,
            repeated=reply.repeated,
            refused=reply.refused,
            error=reply.error,
            fault=fault.kind if fault else None,
            client_ids=asked.client_ids if asked else [],
        )
        sandbox.ledger.add_request(facts)
    _log(facts, asked)
    return answer


def _reply(
    sandbox: Sandbox, known: Call, content_type: str | None, body: bytes, processed: bool
) -> tuple[Asked | None, Reply]:
    """Return what was asked, as far as it can be read, and the reply of a gateway in good health."""
    asked = None
    try:
        check_content_type(content_type)
        asked = known.read(body)
        if not processed:
            return asked, Reply({})
        for credentials in asked.credentials:
            rules.check_credentials(credentials)
        return asked, known.answer(sandbox, asked)
    except RefusalError as error:
        return asked, refused(sandbox, error) if processed else Reply({})


def _log(facts: RequestFacts, asked: Asked | None) -> None:
    log.info(
        "POST %s %s: %d asked, %d accepted, %d repeated, %d refused%s%s",
        *(facts.path, facts.status or "no answer", facts.phones),
        *(facts.accepted, facts.repeated, facts.refused),
        f"; error {facts.error}" if facts.error else "",
        f"; fault {facts.fault}" if facts.fault else "",
    )
    if log.isEnabledFor(logging.DEBUG) and isinstance(asked, SendDocument):
        for message, recipient in asked.pairs():
            log.debug("  %s to %s", message.channel, mask_phone(recipient.phone))
