"""Faults on demand: what a network or a gateway can do to a request, queued and then applied."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from airflow_provider_mysmpp.sandbox import checks
from airflow_provider_mysmpp.sandbox.rules import CODES, LANGUAGES, natural_status, words

PATHS: Final = ("/json", "/json/state.php", "/json/balance.php")
JSON: Final = "application/json; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_PAGE: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_BODILESS: Final = (204, 205, 304)


class HangUp(Enum):
    """How a connection ends without an answer."""

    CLOSE = "close"
    RESET = "reset"


@dataclass(slots=True)
class Answer:
    """
    What goes on the wire.

    :param status: The HTTP status.
    :param body: The body.
    :param headers: The headers.
    :param hang_up: How the connection ends instead of an answer, or None.
    :param language: Of the error texts that a fault writes, unless it names one itself.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: HangUp | None = None
    language: str = "en"

    def say(self, status: int, body: str, content_type: str = _HTML, **headers: str) -> None:
        """
        Put something else in the place of the answer.

        :param status: The HTTP status.
        :param body: The body; dropped where the status allows none.
        :param content_type: The body's type.
        :param headers: More headers.
        """
        self.status, self.body = status, b"" if status in _BODILESS else body.encode()
        self.headers = {"content-type": content_type, **headers}


Act = Callable[["Fault", Answer], None]
Entries = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of fault.

    :param act: Changes the answer.
    :param processed: Whether the request is processed, if the fault doesn't say.
    :param params: The parameters of this kind, each with its reader.
    :param needed: The parameters that must be given.
    :param choosable: Whether the fault may say ``processed`` itself.
    """

    act: Act
    processed: bool = True
    params: Mapping[str, checks.Reader] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    choosable: bool = False


@dataclass(slots=True)
class Fault:
    """
    One fault that waits for its request.

    :param number: Counted from 1, in the order of their coming.
    :param kind: Its name in :data:`KINDS`.
    :param params: The parameters of its kind, the ones not given by their defaults.
    :param path: The call that it hits.
    :param times: How many requests it has left to hit, or None for all of them.
    :param after: How many requests still pass before it hits, once it is its turn.
    :param probability: The chance of hitting a request, or None for a fault of the script.
    :param seed: What ``dice`` began with, or None.
    :param processed: Whether the request is processed all the same.
    :param hits: How many requests it has hit.
    :param dice: What decides whether it hits by chance.
    """

    number: int
    kind: str
    params: dict[str, Any]
    path: str = "/json"
    times: int | None = 1
    after: int = 0
    probability: float | None = None
    seed: int | None = None
    processed: bool = True
    hits: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def shown(self) -> dict[str, Any]:
        """Return the fault as the API shows it: ``times`` and ``after`` are what is left of them."""
        names = ("number", "kind", "path", "times", "after", "probability", "seed", "processed", "hits")
        return {name: getattr(self, name) for name in names} | self.params

    def pause(self, when: str) -> float:
        """
        Return the seconds to wait.

        :param when: ``before`` or ``after`` the processing.
        """
        return self.params["seconds"] if self.kind == "delay" and self.params["when"] == when else 0.0

    def apply(self, answer: Answer) -> None:
        """
        Change the answer as this fault does.

        :param answer: The answer of a gateway in good health; empty where the request wasn't processed.
        """
        KINDS[self.kind].act(self, answer)


class FaultQueue:
    """
    The faults to come: a script, one after another, and beside it the ones that hit by chance.

    Only the first scripted fault of a path counts down; a fault by chance may hit a request that the script
    lets through.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._number = 0

    def add(self, given: Mapping[str, Any]) -> Fault:
        """
        Queue a fault.

        :param given: Its kind and parameters as the API got them.
        """
        fault = _read(given)
        self._number += 1
        fault.number = self._number
        self._faults.append(fault)
        return fault

    def shown(self) -> list[dict[str, Any]]:
        """Return the waiting faults as the API shows them."""
        return [fault.shown() for fault in self._faults]

    def clear(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def take(self, path: str) -> Fault | None:
        """
        Return the fault that hits the request which has just come, or None.

        :param path: The path of the request.
        """
        waiting = [fault for fault in self._faults if fault.path == path]
        fault = _scripted(waiting) or _by_chance(waiting)
        if fault is None:
            return None
        fault.hits += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
        return fault


def _scripted(waiting: list[Fault]) -> Fault | None:
    first = next((fault for fault in waiting if fault.probability is None), None)
    if first is None or first.after == 0:
        return first
    first.after -= 1
    return None


def _by_chance(waiting: list[Fault]) -> Fault | None:
    for fault in waiting:
        if fault.probability is None:
            continue
        if fault.after:
            fault.after -= 1
        elif fault.dice.random() < fault.probability:
            return fault
    return None


_COMMON: Final[dict[str, checks.Reader]] = {
    "path": checks.choice(PATHS),
    "times": checks.optional(checks.whole(1)),
    "after": checks.whole(0),
    "probability": checks.optional(checks.number(0, 1)),
    "seed": checks.optional(checks.whole(0)),
}


def _read(given: Mapping[str, Any]) -> Fault:
    name = given.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise checks.ParameterError(f"kind: must be one of {', '.join(KINDS)}")
    kind = KINDS[name]
    readers = {**_COMMON, **kind.params, **({"processed": checks.flag} if kind.choosable else {})}
    read = checks.read_all({key: value for key, value in given.items() if key != "kind"}, readers)
    missing = [key for key in kind.needed if key not in read]
    if missing:
        raise checks.ParameterError(f"{missing[0]}: is needed for {name}")
    common = {key: read.pop(key) for key in (*_COMMON, "processed") if key in read}
    common.setdefault("times", None if common.get("probability") is not None else 1)
    common.setdefault("processed", kind.processed)
    params = {key: read.get(key, default) for key, default in _DEFAULTS.items() if key in kind.params}
    dice = random.Random(common.get("seed"))  # noqa: S311 -- a repeatable choice of faults, no secret
    return Fault(number=0, kind=name, params=params, dice=dice, **common)


# What each kind does


def _close(_: Fault, answer: Answer) -> None:
    answer.hang_up = HangUp.CLOSE


def _reset(_: Fault, answer: Answer) -> None:
    answer.hang_up = HangUp.RESET


def _status(fault: Fault, answer: Answer) -> None:
    status = fault.params["status"]
    answer.say(status, _PAGE.format(f"HTTP {status}"))


def _too_many(fault: Fault, answer: Answer) -> None:
    wait = fault.params["retry_after"]
    answer.say(429, _PAGE.format("Too many requests"), **({} if wait is None else {"retry-after": wait}))


def _cut(_: Fault, answer: Answer) -> None:
    answer.body = answer.body[: len(answer.body) // 2]


def _html(_: Fault, answer: Answer) -> None:
    answer.say(200, _PAGE.format("Maintenance"))


def _empty(_: Fault, answer: Answer) -> None:
    answer.say(200, "")


def _nothing(_: Fault, answer: Answer) -> None:
    """A delay is over by now."""


def _redirect(fault: Fault, answer: Answer) -> None:
    answer.say(fault.params["status"] or 302, _PAGE.format("Found"), location=fault.params["location"])


def _body(fault: Fault, answer: Answer) -> None:
    answer.say(fault.params["status"] or 200, fault.params["body"], JSON)


def _error(fault: Fault, answer: Answer) -> None:
    code = fault.params["code"]
    text = words(code, fault.params["language"] or answer.language)
    status = fault.params["status"] or natural_status(code)
    answer.say(status, json.dumps({"error": text}, ensure_ascii=False), JSON)


def _on_entries(change: Callable[[Entries], Entries]) -> Act:
    """Return an act that changes the list of entries of an answer which has one."""

    def act(_: Fault, answer: Answer) -> None:
        document = json.loads(answer.body)
        if isinstance(document, list):
            document = change(document)
        elif "information" in document:
            document["information"] = change(document["information"])
        answer.body = json.dumps(document, ensure_ascii=False).encode()

    return act


def _with_ids(entries: Entries, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Entries:
    return [change(entry) if "id_sms" in entry else entry for entry in entries]


def _one_more(entries: Entries) -> Entries:
    last: dict[str, Any] = entries[-1] if entries else {"state": "send"}
    more = {**last, "id_sms": last["id_sms"] + 1} if "id_sms" in last else dict(last)
    return [*entries, more]


def _one_id(entries: Entries) -> Entries:
    first = next((entry["id_sms"] for entry in entries if "id_sms" in entry), None)
    return _with_ids(entries, lambda entry: {**entry, "id_sms": first})


def _string_ids(entries: Entries) -> Entries:
    return _with_ids(entries, lambda entry: {**entry, "id_sms": str(entry["id_sms"])})


def _id_and_error(fault: Fault, answer: Answer) -> None:
    text = words(fault.params["code"], fault.params["language"] or answer.language)
    _on_entries(lambda entries: _with_ids(entries, lambda entry: {**entry, "error": text}))(fault, answer)


_STATUS: Final = checks.whole(200, 599)
_WORDS: Final = {"code": checks.choice(CODES), "language": checks.optional(checks.choice(LANGUAGES))}
_DEFAULTS: Final[dict[str, Any]] = {
    "status": None,
    "retry_after": None,
    "seconds": 1.0,
    "when": "after",
    "location": "http://127.0.0.1:9/elsewhere",
    "body": "",
    "code": "moderator",
    "language": None,
}
_HOUR: Final = 3600

KINDS: Final[dict[str, Kind]] = {
    "lost_answer": Kind(_close),
    "reset": Kind(_reset, processed=False),
    "status": Kind(_status, False, {"status": _STATUS}, ("status",), choosable=True),
    "too_many": Kind(_too_many, False, {"retry_after": checks.optional(checks.header)}, choosable=True),
    "cut_json": Kind(_cut),
    "html": Kind(_html, choosable=True),
    "empty": Kind(_empty, choosable=True),
    "delay": Kind(
        _nothing,
        params={"seconds": checks.number(0, _HOUR), "when": checks.choice(("before", "after"))},
        needed=("seconds",),
    ),
    "too_few": Kind(_on_entries(lambda entries: entries[:-1])),
    "too_many_entries": Kind(_on_entries(_one_more)),
    "one_id": Kind(_on_entries(_one_id)),
    "redirect": Kind(_redirect, False, {"location": checks.header, "status": checks.whole(300, 308)}, choosable=True),
    "body": Kind(_body, False, {"body": checks.text, "status": _STATUS}, ("body",), choosable=True),
    "error": Kind(_error, False, {**_WORDS, "status": _STATUS}, ("code",)),
    "string_ids": Kind(_on_entries(_string_ids)),
    "id_and_error": Kind(_id_and_error, params=_WORDS),
    "neither": Kind(_on_entries(lambda entries: [{"state": "send"} for _ in entries])),
}
"""Every kind of fault by its name."""
