"""Run the sandbox: ``python -m airflow_provider_mysmpp.sandbox``."""

from __future__ import annotations

import argparse
import errno
import logging
import signal
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from airflow_provider_mysmpp.sandbox import checks
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.guard import is_loopback
from airflow_provider_mysmpp.sandbox.rules import LANGUAGES
from airflow_provider_mysmpp.sandbox.server import GatewayServer, listen, url_of
from airflow_provider_mysmpp.sandbox.settings import Settings

_HIGHEST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the sandbox until it is told to stop, and return the exit status.

    :param arguments: The command line without the program's name; None for the real one.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=_level(given), format="%(asctime)s %(message)s")
    try:
        settings = Settings().changed(_settings(given))
    except checks.ParameterError as error:
        parser.error(str(error))
    try:
        sandbox = Sandbox(given.db, settings)
    except (OSError, sqlite3.Error) as error:
        return _fail(f"the ledger {given.db} can't be opened: {_why_closed(error)}")
    try:
        return _serve(sandbox, given.host, given.port)
    finally:
        sandbox.ledger.close()


def _serve(sandbox: Sandbox, host: str, port: int) -> int:
    try:
        listening = listen(host, port)
    except OSError as error:
        return _fail(f"can't listen on {host} port {port}: {_why_deaf(error)}")
    _warn_of_others(listening.getsockname()[0])
    line = f"MySMPP sandbox on {url_of(listening)} (inbox in a browser, POST /json to send)"
    with listening:
        server = GatewayServer(sandbox, listening, lambda: print(line, flush=True))
        for number in (signal.SIGINT, signal.SIGTERM):
            # The server raises a signal again when it has ended; to this handler that is no news.
            signal.signal(number, server.handle_exit)
        server.run_on_socket()
    return 0


def _warn_of_others(address: str) -> None:
    if not is_loopback(address):
        print(
            f"warning: {address} is reached from other machines; the inbox shows whole phone numbers and"
            " asks for no password",
            file=sys.stderr,
        )


def _why_closed(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    # The lower byte tells the kind; SQLite keeps more about it in the higher ones.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        return "another sandbox has it; end that one, or give another --db"
    return str(error)


def _why_deaf(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use; give another --port, or 0 for a free one"
    # Python adds the address to the reason, which is told already.
    return (error.strerror or str(error)).partition(" (while attempting ")[0]


def _fail(words: str) -> int:
    print(f"error: {words}", file=sys.stderr)
    return 1


def _level(given: argparse.Namespace) -> int:
    return logging.WARNING if given.quiet else logging.DEBUG if given.verbose else logging.INFO


def _settings(given: argparse.Namespace) -> dict[str, object]:
    names = ("language", "delivery_seconds", "webhook")
    return {name: getattr(given, name) for name in names}


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_HIGHEST_PORT)) else -1
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {_HIGHEST_PORT}")
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_mysmpp.sandbox",
        description="A local MySMPP gateway with an inbox. Nothing that is sent to it leaves this machine.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8025, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--db", type=Path, metavar="FILE", help="keep the messages in this file")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the error texts")
    parser.add_argument(
        *("--delivery-seconds", "-d"),
        type=float,
        default=Settings().delivery_seconds,
        metavar="SECONDS",
        help="how long a message takes from one state to the next (default: %(default)s)",
    )
    parser.add_argument("--webhook", metavar="URL", help="post changes of state there")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("--quiet", "-q", action="store_true", help="log warnings only")
    volume.add_argument("--verbose", "-v", action="store_true", help="log each recipient, masked")
    return parser


if __name__ == "__main__":
    sys.exit(main())
