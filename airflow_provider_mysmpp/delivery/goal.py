"""Decide from the counts of states whether a wait is over."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final

from airflow_provider_mysmpp.gateway.states import DELIVERED, FINAL

UNKNOWN: Final = "unknown"
"""How a message is called that the gateway tells nothing about."""


class Verdict(Enum):
    """Where a wait stands."""

    OPEN = "open"
    """It goes on."""
    REACHED = "reached"
    """It is over and went well."""
    OUT_OF_REACH = "out of reach"
    """Too many messages failed for it to go well any more."""


@dataclass(frozen=True, slots=True)
class Goal:
    """
    What a wait is for.

    :param success_ratio: The share of the messages that must be delivered, 0 to 1.
    :param wait_for_all: Whether every message must be in a final state, even where the share is reached.
    :param final_states: The states that are not expected to change.
    :param success_states: Those among them that count as delivered.
    :raises ValueError: The share is none, or there are no final states.
    """

    success_ratio: float = 1.0
    wait_for_all: bool = True
    final_states: frozenset[str] = FINAL
    success_states: frozenset[str] = DELIVERED

    def __post_init__(self) -> None:
        if not 0 <= self.success_ratio <= 1:
            raise ValueError(f"success_ratio is {self.success_ratio}; give a share from 0 to 1")
        for name, states in (("final_states", self.final_states), ("success_states", self.success_states)):
            if not states or not all(isinstance(state, str) for state in states):
                raise ValueError(f"{name} must be states of the gateway, like {', '.join(sorted(DELIVERED))}")

    @classmethod
    def of(
        cls,
        success_ratio: float,
        wait_for_all: bool,
        final_states: Iterable[str],
        success_states: Iterable[str],
    ) -> Goal:
        """
        Return a goal from the values that a DAG or a trigger's row holds.

        :param success_ratio: See the class.
        :param wait_for_all: See the class.
        :param final_states: See the class; one state alone may be given as it is.
        :param success_states: See the class; one state alone may be given as it is.
        """
        return cls(success_ratio, wait_for_all, _states(final_states), _states(success_states))

    def needed(self, total: int) -> int:
        """
        Return how many of the messages must be delivered.

        :param total: The messages in all.
        """
        # As the ratio is written: in binary fractions 0.7 of 10 is a little more than 7.
        return math.ceil(Fraction(str(self.success_ratio)) * total)

    def delivered(self, counts: Mapping[str | None, int]) -> int:
        """
        Return how many messages are delivered for good.

        :param counts: Messages for each state; None stands for those that the gateway tells nothing about.
        """
        return sum(counts.get(state, 0) for state in self.final_states & self.success_states)

    def failed(self, counts: Mapping[str | None, int]) -> int:
        """
        Return how many messages will not be delivered any more.

        :param counts: See :meth:`delivered`.
        """
        return sum(counts.get(state, 0) for state in self.final_states - self.success_states)

    def judge(self, counts: Mapping[str | None, int]) -> Verdict:
        """
        Return where the wait stands.

        :param counts: See :meth:`delivered`.
        """
        total = sum(counts.values())
        delivered, failed, needed = self.delivered(counts), self.failed(counts), self.needed(total)
        if total - failed < needed:
            return Verdict.OUT_OF_REACH
        if delivered + failed == total or (delivered >= needed and not self.wait_for_all):
            return Verdict.REACHED
        return Verdict.OPEN


def show_counts(counts: Mapping[str | None, int] | Mapping[str, int], *, leave_out: Collection[str] = ()) -> str:
    """
    Return counts in words, the most frequent state first: ``7 deliver, 2 send, 1 unknown``.

    :param counts: Messages for each state.
    :param leave_out: States that are not named.
    """
    shown = [(state or UNKNOWN, number) for state, number in counts.items() if number and state not in leave_out]
    return ", ".join(f"{number} {state}" for state, number in sorted(shown, key=lambda pair: (-pair[1], pair[0])))


def _states(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)
