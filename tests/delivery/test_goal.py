"""When a wait is over, and how it went."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.delivery.goal import Goal, Verdict, show_counts
from airflow_provider_mysmpp.gateway.states import FINAL

OPEN, REACHED, OUT_OF_REACH = Verdict.OPEN, Verdict.REACHED, Verdict.OUT_OF_REACH
STATES = st.sampled_from([None, "send", "rerouted", *sorted(FINAL)])


@pytest.mark.parametrize(
    ("ratio", "for_all", "counts", "verdict"),
    [
        (1.0, True, {}, REACHED),
        (1.0, True, {"send": 1}, OPEN),
        (1.0, True, {"deliver": 3, "read": 1}, REACHED),
        (1.0, True, {"deliver": 3, "rerouted": 1}, OPEN),
        (1.0, True, {"deliver": 3, None: 1}, OPEN),
        (1.0, True, {"send": 9, "not_deliver": 1}, OUT_OF_REACH),
        (1.0, True, {"send": 9, "partly_deliver": 1}, OUT_OF_REACH),
        (0.9, True, {"send": 9, "expired": 1}, OPEN),
        (0.9, True, {"deliver": 9, "expired": 1}, REACHED),
        (0.9, True, {"deliver": 9, "send": 1}, OPEN),
        (0.9, False, {"deliver": 9, "send": 1}, REACHED),
        (0.9, False, {"deliver": 8, "send": 2}, OPEN),
        (0.9, False, {"deliver": 8, "not_deliver": 2}, OUT_OF_REACH),
        (0.0, False, {"send": 5}, REACHED),
        (0.0, True, {"send": 5}, OPEN),
        (0.0, True, {"not_deliver": 5}, REACHED),
    ],
)
def test_verdicts(ratio: float, for_all: bool, counts: dict[str | None, int], verdict: Verdict) -> None:
    assert Goal(ratio, for_all).judge(counts) is verdict


def test_waiting_for_messages_to_be_read() -> None:
    goal = Goal.of(1.0, True, FINAL - {"deliver"}, ["read"])
    assert goal.judge({"deliver": 1, "read": 1}) is OPEN
    assert goal.judge({"read": 2}) is REACHED


def test_other_states_may_count_as_delivered() -> None:
    goal = Goal.of(1.0, True, FINAL, ["deliver", "read", "partly_deliver"])
    assert goal.judge({"deliver": 1, "partly_deliver": 1}) is REACHED
    assert Goal.of(1.0, True, "read", "read").judge({"read": 1}) is REACHED


@pytest.mark.parametrize(("ratio", "total", "needed"), [(0.7, 10, 7), (0.1, 30, 3), (0.29, 100, 29), (0.5, 3, 2)])
def test_a_share_is_taken_as_it_is_written(ratio: float, total: int, needed: int) -> None:
    assert Goal(ratio).needed(total) == needed


@given(st.lists(STATES, max_size=30), st.floats(0, 1), st.booleans())
def test_the_verdict_is_what_its_words_say(states: list[str | None], ratio: float, for_all: bool) -> None:
    goal, counts = Goal(ratio, for_all), Counter(states)
    needed = math.ceil(Fraction(str(ratio)) * len(states))
    arrived = sum(state in ("deliver", "read") for state in states)
    still = sum(state not in FINAL for state in states)
    verdict = goal.judge(counts)
    assert (verdict is OUT_OF_REACH) == (arrived + still < needed)
    assert (verdict is REACHED) == (arrived >= needed and (still == 0 or not for_all))
    assert goal.delivered(counts) + goal.failed(counts) + still == len(states)


@given(st.lists(STATES, min_size=1, max_size=20), st.floats(0, 1), st.booleans(), st.data())
def test_a_verdict_stands(states: list[str | None], ratio: float, for_all: bool, data: st.DataObject) -> None:
    """Whatever the open messages become, what is out of reach stays so, and what is reached does."""
    goal = Goal(ratio, for_all)
    verdict = goal.judge(Counter(states))
    later = [state if state in FINAL else data.draw(STATES) for state in states]
    if verdict is not OPEN:
        assert goal.judge(Counter(later)) is verdict


@pytest.mark.parametrize(
    "bad",
    [
        {"success_ratio": -0.1},
        {"success_ratio": 1.1},
        {"success_ratio": 80},
        {"success_ratio": math.nan},
        {"final_states": frozenset()},
        {"success_states": frozenset()},
        {"final_states": frozenset({7})},
    ],
)
def test_a_goal_that_is_none(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Goal(**bad)


def test_counts_in_words() -> None:
    counts: dict[str | None, int] = {"send": 2, "deliver": 7, None: 2, "read": 0}
    assert show_counts(counts) == "7 deliver, 2 send, 2 unknown"
    assert show_counts(counts, leave_out={"deliver"}) == "2 send, 2 unknown"
    assert show_counts({}) == ""
