"""Look at open messages until a wait is over or its time is: with pauses that somebody else sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any, Final, Protocol

from airflow_provider_mysmpp.delivery.goal import Verdict, show_counts
from airflow_provider_mysmpp.delivery.watch import Client, Watch, is_passing, next_pause
from airflow_provider_mysmpp.gateway.errors import GatewayError, UnavailableError
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy

TIMEOUT: Final = "timeout"
REFUSED: Final = "refused"

_ONE_TRY: Final = RetryPolicy(attempts=1)
"""A look that fails is tried again by the next look: no thread sleeps between tries."""

_GROWTH: Final = 10
_LONGEST_PAUSE: Final = 900.0


class Log(Protocol):
    """What a poll needs of a logger; Airflow's own are of several kinds."""

    def info(self, event: str, /, *args: Any) -> Any:
        """
        Log what is seen.

        :param event: The words, with ``%s`` for each argument.
        :param args: What the words are filled in with.
        """

    def warning(self, event: str, /, *args: Any) -> Any:
        """
        Log what went wrong.

        :param event: The words, with ``%s`` for each argument.
        :param args: What the words are filled in with.
        """


class Poll:
    """
    The looks of one wait.

    :param watch: The messages.
    :param deadline: The moment at which the wait ends, in seconds since the epoch.
    :param pause: Seconds between two looks while many messages change.
    :param longest_pause: Seconds that they grow to while few do: by default ten times as long, up to 15 minutes.
    :param log: Where to say what is seen.
    :param clock: Tells the seconds since the epoch; a test may pin it.
    """

    def __init__(
        self,
        watch: Watch,
        *,
        deadline: float,
        pause: float,
        longest_pause: float | None = None,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reason: str | None = None
        self._watch = watch
        self._deadline = deadline
        self._first = self._pause = pause
        self._longest = longest_pause or min(_GROWTH * pause, _LONGEST_PAUSE)
        self._log = log
        self._clock = clock

    @property
    def pause(self) -> float:
        """Seconds until the next look. The last look is at the deadline."""
        return max(0.0, min(self._pause, self._deadline - self._clock()))

    @property
    def counts(self) -> str:
        """What was seen so far, in words."""
        return show_counts(self._watch.counts())

    def look(self, client: Client, stop: Event) -> None:
        """
        Look once; afterwards ``reason`` says why no further look is needed, if so.

        :param client: The gateway's client.
        :param stop: Once set, no request is made any more.
        """
        asked, changed, asked_to_wait = len(self._watch.open_ids), 0, 0.0
        try:
            changed = self._watch.look(client, detail=False, retry=_ONE_TRY, stop=stop)
            self._log.info("Delivery: %s", self.counts)
        except GatewayError as error:
            if not is_passing(error):
                self._log.warning("The states are not known: %s", error)
                self.reason = REFUSED
                return
            self._log.warning("The states are not known: %s. The wait goes on.", error)
            asked_to_wait = (error.retry_after or 0.0) if isinstance(error, UnavailableError) else 0.0
        if self._watch.verdict is not Verdict.OPEN:
            self.reason = self._watch.verdict.value
        elif self._clock() >= self._deadline:
            self.reason = TIMEOUT
        grown = next_pause(self._pause, first=self._first, longest=self._longest, changed=changed, asked=asked)
        self._pause = max(grown, asked_to_wait)
