"""Hold the parts of one sandbox together: ledger, settings, clock, faults, money."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from airflow_provider_mysmpp.sandbox import checks
from airflow_provider_mysmpp.sandbox.faults import FaultQueue
from airflow_provider_mysmpp.sandbox.ledger import Ledger
from airflow_provider_mysmpp.sandbox.settings import READERS, Settings, show_money
from airflow_provider_mysmpp.sandbox.states import Clock

START_MONEY: Final = 1_000_000_000
"""What the account owns at the start, in kopecks: enough for four million parts."""

_OWN_READERS: Final[dict[str, checks.Reader]] = {
    "clock": checks.choice(("running", "stopped")),
    "money": checks.kopecks,
}


class Sandbox:
    """
    One gateway that lives on this machine.

    :param path: The ledger's file, or None for a temporary one.
    :param settings: The settings to start with and to come back to.
    """

    def __init__(self, path: Path | None = None, settings: Settings | None = None) -> None:
        self.ledger = Ledger(path)
        self.faults = FaultQueue()
        self.stopping = asyncio.Event()
        self._first_settings = settings or Settings()
        self.reset_settings()

    def reset_settings(self) -> None:
        """Go back to the settings, the money and the clock of the start."""
        self.settings = self._first_settings
        self.clock = Clock()
        self._deposit = START_MONEY

    @property
    def money(self) -> int:
        """What the account has left, in kopecks."""
        return self._deposit - self.ledger.spent

    def change(self, given: Mapping[str, Any]) -> None:
        """
        Change settings; either all of the given ones or, where one is wrong, none.

        :param given: Names and values as the API got them.
        """
        own = {name: value for name, value in given.items() if name in _OWN_READERS}
        read = checks.read_all(own, _OWN_READERS)
        checks.read_all(given, READERS | _OWN_READERS)
        self.move_states()  # what is past happened under the old settings
        self.settings = self.settings.changed({name: given[name] for name in given.keys() - own.keys()})
        if "money" in read:
            self._deposit = read["money"] + self.ledger.spent
        if "clock" in read:
            self.clock.run(read["clock"] == "running")

    def shown_settings(self) -> dict[str, Any]:
        """Return all that :meth:`change` can change, as the API shows it."""
        clock = "running" if self.clock.running else "stopped"
        return {**self.settings.shown(), "money": show_money(self.money), "clock": clock}

    async def wait(self, seconds: float) -> None:
        """
        Wait, but not beyond the end of the sandbox.

        :param seconds: How long.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    def move_states(self) -> int:
        """Let the messages whose time has come change their states, and return how many changes there were."""
        return self.ledger.move(self.clock.now(), pushed=self.settings.webhook is not None)
