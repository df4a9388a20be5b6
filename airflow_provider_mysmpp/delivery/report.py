"""What became of messages: a row for each, and the summary of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from airflow_provider_mysmpp.delivery.goal import UNKNOWN, Goal
from airflow_provider_mysmpp.delivery.messages import Sent
from airflow_provider_mysmpp.gateway.states import MessageState


def rows_of(messages: Iterable[Sent], states: Mapping[str, MessageState]) -> Iterator[dict[str, Any]]:
    """
    Yield the entry of each message with what became of it, ready for JSON.

    :param messages: The messages.
    :param states: Their states by id.
    """
    for message in messages:
        state = states[message.id_sms]
        yield {
            **message.entry,
            "state": state.state,
            "changed_at": None if state.changed_at is None else state.changed_at.isoformat(),
            "parts": state.parts,
            "price": _shown(state.price),
        }


def summarise(
    messages: Sequence[Sent], states: Mapping[str, MessageState], goal: Goal, *, estimate: int | None = None
) -> dict[str, Any]:
    """
    Return the summary of a wait, ready for JSON.

    ``parts``, ``price`` and ``prices`` (for each state) count the messages whose parts and price the gateway told.

    :param messages: The messages.
    :param states: Their states by id.
    :param goal: What the wait was for.
    :param estimate: The parts that the send expected of all of them, or None where only the messages know.
    """
    states_of_all = [states[message.id_sms] for message in messages]
    counts = Counter(state.state for state in states_of_all)
    words: Counter[str] = Counter()
    prices: dict[str, Decimal] = {}
    for state in states_of_all:
        words[state.state or UNKNOWN] += 1
        if state.state is not None and (cost := state.cost) is not None:
            prices[state.state] = prices.get(state.state, Decimal(0)) + cost
    expected = [message.parts for message in messages if message.parts is not None]
    delivered, failed = goal.delivered(counts), goal.failed(counts)
    return {
        "messages": len(messages),
        "delivered": delivered,
        "failed": failed,
        "open": len(messages) - delivered - failed,
        "states": dict(words),
        "parts": sum(state.parts or 0 for state in states_of_all),
        "estimated_parts": sum(expected) if messages and len(expected) == len(messages) else estimate,
        "price": _shown(sum(prices.values(), Decimal(0))) if prices else None,
        "prices": {state: _shown(price) for state, price in prices.items()},
    }


def _shown(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
