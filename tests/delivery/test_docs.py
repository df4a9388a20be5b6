"""The page on delivery says what the code does: parameters, states, and what a trigger's row costs."""

from __future__ import annotations

import inspect
import json
import random
import re
from pathlib import Path

import pytest
from airflow.models.trigger import Trigger

from airflow_provider_mysmpp.delivery.files import COLUMNS
from airflow_provider_mysmpp.delivery.goal import Goal
from airflow_provider_mysmpp.delivery.report import summarise
from airflow_provider_mysmpp.gateway.states import DELIVERED, FINAL, STATES_A_REQUEST
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor
from airflow_provider_mysmpp.triggers.mysmpp import MySmppDeliveryTrigger

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", section, re.M)]
    return cells[2:]


def test_every_parameter_is_there_with_its_default() -> None:
    parameters = {
        name: parameter.default
        for name, parameter in inspect.signature(MySmppDeliverySensor).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    table = {name.strip("`"): (default, meaning) for name, default, meaning in rows("Parameters")}
    assert list(table) == list(parameters)
    for name, (default, meaning) in table.items():
        assert ("(templated)" in meaning) is (name in MySmppDeliverySensor.template_fields)
        if parameters[name] not in (None, parameter_missing()) and name != "deferrable":
            assert default.strip("`") == str(parameters[name])
    assert set(re.findall(r"`(\w+)`", table["success_states"][0])) == DELIVERED
    for method in (MySmppHook.get_states, MySmppDeliveryTrigger.__init__):
        assert inspect.signature(method).parameters["batch_size"].default == STATES_A_REQUEST


def parameter_missing() -> object:
    return inspect.Parameter.empty


def test_every_state_is_there() -> None:
    table = {state.strip("`"): (final, delivered) for state, _, final, delivered in rows("States") if "`" in state}
    assert {state for state, (final, _) in table.items() if final == "yes"} == FINAL
    assert {state for state, (_, delivered) in table.items() if delivered == "yes"} == DELIVERED


def test_the_summary_and_the_columns_are_named() -> None:
    assert json.dumps(list(summarise([], {}, Goal()))).strip("[]") in PAGE
    assert ", ".join(COLUMNS) in PAGE


def lists() -> list[list[str]]:
    chance = random.Random(7)
    neighbours = [str(700_000_000 + number) for number in range(10_000)]
    number, among_others = 700_000_000, []
    for _ in range(10_000):
        number += 1 + int(chance.expovariate(1 / 20))
        among_others.append(str(number))
    return [neighbours, among_others, [str(number) for number in chance.sample(range(1, 10**9), 10_000)]]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_ten_thousand_numbers_cost(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to the byte: packers differ a little, and so do two lines of Airflow."""
    ids = lists()[which]
    trigger = MySmppDeliveryTrigger(
        mysmpp_conn_id="mysmpp_default", ids=ids, deadline=2e9, settled={"deliver": 5}, final_states=FINAL
    )
    path, kwargs = trigger.serialize()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    stated = [int(cell.replace(",", "")) for cell in rows("What the trigger stores")[which][1:]]
    measured = [len(Trigger(path, given).encrypted_kwargs) for given in (kwargs, {**kwargs, "ids": ids})]
    assert measured == pytest.approx(stated[:2], rel=0.1, abs=120)
    assert [size * 4 / 3 for size in measured] == pytest.approx(stated[2:], rel=0.1, abs=200)
