"""Ask for the states of messages again and again, only for those that are still open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from threading import Event
from typing import Final, Protocol

from airflow_provider_mysmpp.delivery.goal import Goal, Verdict
from airflow_provider_mysmpp.gateway.errors import GatewayError, RefusedError, UnavailableError
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.gateway.states import STATES_A_REQUEST, MessageState

_MUCH: Final = 10
"""One in so many messages has to change for the pause to be short again."""


class Client(Protocol):
    """What a watch needs of :class:`~airflow_provider_mysmpp.gateway.client.GatewayClient`."""

    def get_states(
        self,
        ids: Iterable[str],
        *,
        detail: bool,
        batch_size: int,
        silent: Collection[str],
        retry: RetryPolicy | None,
        stop: Event,
    ) -> list[MessageState]:
        """
        Return the state of each message, in the order of the ids.

        :param ids: The messages' ``id_sms``.
        :param detail: Whether to ask for parts and price too.
        :param batch_size: Messages that one request asks about, at most.
        :param silent: Ids that are not asked alone, should they be missing from an answer.
        :param retry: Instead of the client's.
        :param stop: Once set, no request is made any more.
        :raises GatewayError: A request ended without an answer.
        """


class Watch:
    """
    The states of messages, as far as they are known.

    :param ids: The messages, each once.
    :param goal: What the wait is for.
    :param settled: Messages for each state, of further messages that need no more looking at.
    :param batch_size: Messages that one request asks about, at most.
    """

    def __init__(
        self,
        ids: Iterable[str],
        goal: Goal,
        *,
        settled: Mapping[str, int] | None = None,
        batch_size: int = STATES_A_REQUEST,
    ) -> None:
        self.states = {id_sms: MessageState(id_sms) for id_sms in ids}
        self.open_ids = list(self.states)
        self._goal = goal
        self._settled = Counter(settled or {})
        self._batch_size = batch_size
        self._silent: set[str] = set()
        self._stale: list[str] = []

    def look(self, client: Client, *, detail: bool, retry: RetryPolicy | None = None, stop: Event | None = None) -> int:
        """
        Ask for the states of the open messages, and return how many have changed.

        :param client: The gateway's client.
        :param detail: Whether to ask for parts and price too.
        :param retry: Instead of the client's.
        :param stop: Once set, no request is made any more.
        :raises GatewayError: A request ended without an answer; what those before it told is learnt.
        """
        asked, looked_at, changed = self.open_ids, set[str](), 0
        try:
            for start in range(0, len(asked), self._batch_size):
                batch = asked[start : start + self._batch_size]
                changed += self._learn(self._ask(client, batch, detail=detail, retry=retry, stop=stop))
                looked_at.update(batch)
        finally:
            self._stale = [id_sms for id_sms in self.states if id_sms not in looked_at]
            final = self._goal.final_states
            self.open_ids = [id_sms for id_sms in asked if self.states[id_sms].state not in final]
        return changed

    def refresh(self, client: Client) -> None:
        """
        Ask once more for what the last look left out: a message that is delivered may have been read since.

        :param client: The gateway's client.
        :raises GatewayError: A request ended without an answer; nothing was learnt.
        """
        self._learn(self._ask(client, self._stale, detail=True))
        self._stale = []

    def counts(self) -> Counter[str | None]:
        """Return the messages for each state; None stands for those that the gateway tells nothing about."""
        counts: Counter[str | None] = Counter(state.state for state in self.states.values())
        counts.update(self._settled)
        return counts

    def settled(self) -> dict[str, int]:
        """Return the messages for each final state."""
        return {state: number for state, number in self.counts().items() if state in self._goal.final_states}

    @property
    def verdict(self) -> Verdict:
        """Where the wait stands."""
        return self._goal.judge(self.counts())

    def _ask(
        self,
        client: Client,
        ids: list[str],
        *,
        detail: bool,
        retry: RetryPolicy | None = None,
        stop: Event | None = None,
    ) -> list[MessageState]:
        return client.get_states(
            ids, detail=detail, batch_size=self._batch_size, silent=self._silent, retry=retry, stop=stop or Event()
        )

    def _learn(self, states: Iterable[MessageState]) -> int:
        """Keep what is told; an answer without a state takes nothing back."""
        changed = 0
        for state in states:
            if state.state is None:
                self._silent.add(state.id_sms)
            else:
                self._silent.discard(state.id_sms)
                changed += state.state != self.states[state.id_sms].state
                self.states[state.id_sms] = state
        return changed


def is_passing(error: GatewayError) -> bool:
    """
    Tell whether a failed look may be followed by a good one, so that a wait goes on.

    :param error: What the look ended with.
    """
    if isinstance(error, RefusedError):
        return error.entry is not None and error.entry.retryable
    return isinstance(error, UnavailableError) and error.repeatable


def next_pause(pause: float, *, first: float, longest: float, changed: int, asked: int) -> float:
    """
    Return the seconds until the next look: the fewer messages change, the longer.

    :param pause: The seconds before the last look.
    :param first: The shortest pause.
    :param longest: The longest pause, unless ``first`` is longer.
    :param changed: How many messages the last look found changed.
    :param asked: How many messages it asked about.
    """
    if changed * _MUCH >= asked:
        return first
    return max(first, min(longest, pause * (1.25 if changed else 1.5)))
