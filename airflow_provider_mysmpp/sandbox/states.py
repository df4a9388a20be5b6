"""Tell the time of the sandbox and foretell the states that a message will go through."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from airflow_provider_mysmpp.sandbox.documents import ACCOUNT_TIME, TIME_FORMAT, Recipient

SENT: Final = "send"
UNDOCUMENTED: Final = "rerouted"
"""A state that no document names."""

DEFAULT_WAY: Final = ("deliver",)
PHONE_STATES: Final[dict[str, tuple[str, ...]]] = {
    "79000000201": ("deliver",),
    "79000000202": ("deliver", "read"),
    "79000000203": ("not_deliver",),
    "79000000204": ("expired",),
    "79000000205": ("partly_deliver",),
    "79000000206": (UNDOCUMENTED,),
    "79000000207": (),
    "79000000208": (UNDOCUMENTED, "deliver"),
}
"""Phones whose messages go a way of their own after ``send``, one delivery time a step."""

Way = tuple[tuple[float, str], ...]
"""The coming states of a message, each with the moment of its change; at most two."""


class Clock:
    """The sandbox's clock: it can be stopped, and put forward whether it runs or not."""

    def __init__(self) -> None:
        self._shown = time.time()
        self._since: float | None = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return self._since is not None

    def now(self) -> float:
        """Return the seconds since the epoch that the clock shows."""
        return self._shown + (time.monotonic() - self._since if self._since is not None else 0.0)

    def run(self, running: bool) -> None:
        """
        Stop the clock or let it go on from where it stands.

        :param running: Whether time is to pass by itself.
        """
        self._shown, self._since = self.now(), time.monotonic() if running else None

    def advance(self, seconds: float) -> None:
        """
        Put the clock forward.

        :param seconds: By how much.
        """
        self._shown += seconds


def account_time(moment: float | None) -> str:
    """
    Return a moment as the gateway writes it, in the account's time; nothing for None.

    :param moment: Seconds since the epoch.
    """
    return "" if moment is None else datetime.fromtimestamp(moment, ACCOUNT_TIME).strftime(TIME_FORMAT)


def foretell(recipient: Recipient, now: float, delivery_seconds: float) -> Way:
    """
    Return the states that a message will go through.

    :param recipient: Whom it goes to.
    :param now: When it was accepted.
    :param delivery_seconds: How long each step takes.
    """
    way = PHONE_STATES.get(recipient.phone, DEFAULT_WAY)
    steps = tuple((now + delivery_seconds * step, state) for step, state in enumerate(way, start=1))
    end = recipient.validity.timestamp() if recipient.validity else None
    if end is not None and (not steps or end < steps[0][0]):
        return ((max(now, end), "expired"),)
    return steps
