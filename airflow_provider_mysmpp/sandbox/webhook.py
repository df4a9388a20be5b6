"""Post changes of state to the webhook and try again what the receiver did not acknowledge."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any, Final

import requests

from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.states import account_time

log = logging.getLogger("airflow_provider_mysmpp.sandbox")

TRIES: Final = 5
"""How often a change is posted in all."""

_BATCH: Final = 100
_PERIOD: Final = 0.05
_TIMEOUT: Final = 5.0
_CONTENT_TYPE: Final = "text/json; charset=utf-8;"


async def push_forever(sandbox: Sandbox) -> None:
    """
    Post the changes of state as they come, until cancelled.

    :param sandbox: The sandbox.
    """
    while True:
        await asyncio.sleep(_PERIOD)
        sandbox.move_states()
        while (url := sandbox.settings.webhook) is not None and await _push(sandbox, url):
            pass


async def _push(sandbox: Sandbox, url: str) -> bool:
    """Post the changes that are due, at most one batch of them; return whether there were any."""
    due = sandbox.ledger.waiting_pushes(time.time(), _BATCH)
    if not due:
        return False
    changes = [{"id_sms": push["id_sms"], "time": account_time(push["time"]), "state": push["state"]} for push in due]
    taken = await asyncio.to_thread(_post, url, changes)
    tried = [(push["number"], str(push["id_sms"]) in taken) for push in due]
    again = time.time() + sandbox.settings.webhook_pause_seconds
    sandbox.ledger.settle_pushes(tried, most=TRIES, again=again)
    log.info("webhook: %d changes posted, %d taken", len(tried), sum(took for _, took in tried))
    return True


def _post(url: str, changes: list[dict[str, Any]]) -> set[str]:
    """Return the ids that the receiver took."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # a receiver on this machine is behind no proxy
            answer = session.post(
                url,
                data=json.dumps(changes).encode(),
                headers={"Content-Type": _CONTENT_TYPE},
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
        return _acknowledged(answer.json()) if answer.ok else set()
    except (requests.RequestException, ValueError) as error:
        log.warning("webhook: %s", type(error).__name__)
        return set()


def _acknowledged(answer: Any) -> set[str]:
    entries = answer if isinstance(answer, list) else []
    return {str(entry["id_sms"]) for entry in entries if isinstance(entry, dict) and "id_sms" in entry}
