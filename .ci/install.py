"""Install this package with some extras into the environment of the Python that runs this, and show how far it is."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import FrameType

SECONDS_BETWEEN_LINES = 15.0
TAIL = 30


class Progress:
    """
    Show one line that changes, or on anything but a terminal a new line now and then.

    :param what: What is installed.
    """

    def __init__(self, what: str) -> None:
        self._started = self._last = time.monotonic()
        self._live = sys.stdout.isatty()
        print(f"Installing {what} into {sys.prefix}, which takes a minute or two the first time", flush=True)

    def tell(self, words: str, *, done: bool = False) -> None:
        """
        Show how far it is.

        :param words: How far.
        :param done: True for the last words.
        """
        now = time.monotonic()
        if not (self._live or done or now - self._last > SECONDS_BETWEEN_LINES):
            return
        self._last = now
        line = f"  {words}, {now - self._started:.0f} s"
        print(f"\r\033[K{line}" if self._live else line, end="\n" if done or not self._live else "", flush=True)


def count_packages() -> int:
    """Return how many distributions are installed."""
    return sum(1 for _ in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


def how_far(log: str) -> str:
    """
    Return how far pip is, in words.

    :param log: What it has written.
    """
    _, begun, names = log.partition("Installing collected packages: ")
    if begun:
        return f"{count_packages()} packages in place, {names.count(',') + 1} were to be added"
    return f"{log.count('Collecting ')} packages looked up"


def install(extras: str, constraints: str, log: Path) -> int:
    """
    Run pip and return its exit status.

    :param extras: The extras, with commas between them.
    :param constraints: The file that pins the versions.
    :param log: The file that pip's words go to.
    """
    progress = Progress(f"airflow-provider-mysmpp[{extras}]")
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--no-warn-script-location", "-c", constraints, "-e", f".[{extras}]"]
    with log.open("wb") as output:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PIP_ROOT_USER_ACTION": "ignore"},
        )
    try:
        while pip.poll() is None:
            time.sleep(0.2)
            progress.tell(how_far(log.read_text(encoding="utf-8", errors="replace")))
    finally:
        if pip.poll() is None:
            pip.terminate()
            pip.wait()
    words = "failed" if pip.returncode else f"{count_packages()} packages in place"
    progress.tell(words, done=True)
    return pip.returncode


def on_sigterm(number: int, _: FrameType | None) -> None:
    """Leave by way of an exception, so that pip is ended too."""
    sys.exit(128 + number)


def main() -> int:
    """Read the command line, install, and show the end of pip's log where that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", help="with commas between them")
    parser.add_argument("--constraints", required=True)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background starts without
    try:
        status = install(given.extras, given.constraints, given.log)
    except KeyboardInterrupt:
        print("\nInterrupted; the next run installs again.", file=sys.stderr)
        return 130
    if status:
        lines = given.log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(lines[-TAIL:]), file=sys.stderr)
        print(f"error: pip failed; its whole log is {given.log}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
