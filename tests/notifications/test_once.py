"""Airflow fires a callback twice, from two processes: people get one text."""

from __future__ import annotations

import subprocess
import sys

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.conftest import ROOT
from tests.notifications.support import OTHER, PHONE

FIRING = f"""
import sys

from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier
from tests.notifications.support import failed

notifier = MySmppNotifier(to="{PHONE}, {OTHER}", text="{{{{ exception }}}}")
print("ready", flush=True)
notifier(failed(sys.stdin.readline().strip()))
"""


def test_that_two_processes_which_fire_at_once_send_one_text(gateway: SandboxServer) -> None:
    fired = [
        subprocess.Popen(
            [sys.executable, "-c", FIRING],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for _ in range(2)
    ]
    try:
        for process in fired:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process, words in zip(fired, ("out of memory", "killed"), strict=True):
            assert process.stdin is not None
            process.stdin.write(words + "\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=120) for process in fired]
    finally:
        for process in fired:
            process.kill()

    assert [process.returncode for process in fired] == [0, 0], ends
    assert len(gateway.requests()) == 2
    assert sorted(message["phone"] for message in gateway.messages()) == [PHONE, OTHER]
    assert {message["text"] for message in gateway.messages()} <= {"out of memory", "killed"}
