"""Compare what the operator reports with what the gateway keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .attempts import Attempt


class Entry(NamedTuple):
    """One message, as the gateway keeps it or as the mapping reports it."""

    phone: str
    client_id_sms: str
    id_sms: str


def kept(sandbox: SandboxServer) -> list[Entry]:
    """Return the messages that the gateway accepted."""
    return [Entry(m["phone"], str(m["client_id_sms"]), str(m["id_sms"])) for m in sandbox.messages()]


def mapped(mapping: Iterable[dict[str, Any]]) -> list[Entry]:
    """Return the messages that a mapping reports."""
    return [Entry(entry["phone"], entry["client_id_sms"], entry["id_sms"]) for entry in mapping]


def assert_true(done: Attempt, sandbox: SandboxServer, *, rows: int) -> None:
    """Nobody was texted twice, each row has one outcome, and whatever counts as accepted is in the gateway's ledger."""
    ledger = kept(sandbox)
    assert_once(ledger)
    assert done.summary["recipients"] == sum(done.counts.values()) == rows
    assert len(done.mapping) == done.summary["accepted"]
    assert len({one["row"] for one in done.failed}) == len(done.failed)
    assert len(done.failed) + len(done.mapping) + done.summary["duplicate"] == rows
    reported = mapped(done.mapping)
    assert len(set(reported)) == len(reported)
    assert set(reported) <= set(ledger)


def assert_once(ledger: list[Entry], *, phones: bool = True) -> None:
    """No identity was accepted twice; with ``phones``, nobody was texted under two."""
    assert not repeated(entry.client_id_sms for entry in ledger)
    assert not repeated(entry.id_sms for entry in ledger)
    if phones:
        assert not repeated(entry.phone for entry in ledger)


def repeated(values: Iterable[str]) -> list[str]:
    """Return the values that stand more than once."""
    return [value for value, times in Counter(values).items() if times > 1]
