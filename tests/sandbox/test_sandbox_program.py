"""The program, its ledger file, and the fixtures, each run as a user runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from airflow_provider_mysmpp.sandbox.ledger import Ledger
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.support import wait_until

from .client import HEADERS, document, message, phone, post, send

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"MySMPP sandbox on (http://\S+:\d+) \(inbox in a browser, POST /json to send\)\n")
COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_mysmpp.sandbox"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the program on a free port and return it with its address."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = LINE.fullmatch(process.stdout.readline())
            assert line is not None
            yield process, line[1]
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[str, str]:
    """End the program by a signal and return what it wrote."""
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out, err


def post_to(url: str, body: object) -> requests.Response:
    return requests.post(url + "/json", data=json.dumps(body).encode(), headers=HEADERS, timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_answers_and_ends(number: int) -> None:
    with program() as (process, url):
        assert urlsplit(url).hostname == "127.0.0.1"
        with requests.Session() as session:  # its connection stays open while the program ends
            assert session.get(url + "/health", timeout=20).json() == {"status": "ok"}
            out, _ = end(process, number)
        assert out == ""


def test_it_ends_while_requests_are_under_way() -> None:
    with program() as (process, url):
        requests.post(url + "/api/faults", json={"kind": "delay", "seconds": 600}, timeout=20)
        delayed = threading.Thread(target=post_to, args=(url, document()))
        delayed.start()
        address = urlsplit(url)
        half = HTTPConnection(str(address.hostname), address.port)
        half.putrequest("POST", "/json")
        half.putheader("Content-Length", "100")
        half.endheaders(b"{")
        messages = url + "/api/messages"
        wait_until(lambda: requests.get(messages, timeout=20).json()["total"], "a request under way", seconds=10)
        started = time.monotonic()
        _, err = end(process)
        assert time.monotonic() - started < 10
        assert "rror" not in err
        delayed.join()
        half.close()


def test_the_log_shows_neither_credentials_nor_phones(tmp_path: Path) -> None:
    db = tmp_path / "sandbox.sqlite"
    secrets = ["l0gin-of-mine", "pa55word", "t0ken"]
    with program("--verbose", "--db", str(db)) as (process, url):
        login, password, token = secrets
        ids = [{"phone": "79612242243", "client_id_sms": "1"}]
        post_to(url, {"login": login, "password": password, "message": [message(*ids)]})
        post_to(url, {"token": token, "message": [message(*ids)]})
        post_to(url, document(message(*ids)))
        requests.get(url + "/?q=79612242243", timeout=20)
        shown = "".join(
            requests.get(url + path, timeout=20).text
            for path in ("/", "/api/messages", "/api/requests", "/api/summary", "/api/settings", "/api/faults")
        )
        out, err = end(process)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
    for secret in secrets:
        assert secret not in out + err + shown + kept
    assert "79612242243" not in out + err
    assert "sms to 7961*****43" in err
    assert "POST /json 200: 1 asked, 1 accepted, 0 repeated, 0 refused" in err
    assert "79612242243" in shown


def test_quiet_is_quiet() -> None:
    with program("--quiet") as (process, url):
        post_to(url, document())
        assert end(process) == ("", "")


def test_a_ledger_outlives_the_program(tmp_path: Path) -> None:
    db = tmp_path / "sandbox.sqlite"
    body = document(message(phone(client_id="1"), phone(client_id="2")))
    with program("--db", str(db)) as (process, url):
        first = post_to(url, body).json()
        money = requests.get(url + "/api/summary", timeout=20).json()["money"]
        end(process)
    assert stat.S_IMODE(db.stat().st_mode) == 0o600
    with program("--db", str(db)) as (process, url):
        assert requests.get(url + "/api/summary", timeout=20).json()["money"] == money
        assert post_to(url, body).json() == first
        new = post_to(url, document()).json()["information"][0]["id_sms"]
        assert new == first["information"][-1]["id_sms"] + 1
        end(process)


def test_a_killed_program_loses_nothing_it_answered(tmp_path: Path) -> None:
    db = tmp_path / "sandbox.sqlite"
    body = document(message(phone(client_id="1")))
    with program("--db", str(db)) as (process, url):
        first = post_to(url, body).json()
        process.kill()
    with program("--db", str(db)) as (process, url):
        assert post_to(url, body).json() == first
        end(process)


def test_options_reach_the_sandbox() -> None:
    arguments = ("--language", "ru", "--delivery-seconds", "7", "--webhook", "http://127.0.0.1:1/")
    with program(*arguments) as (process, url):
        settings = requests.get(url + "/api/settings", timeout=20).json()
        assert (settings["language"], settings["delivery_seconds"]) == ("ru", 7)
        assert settings["webhook"] == "http://127.0.0.1:1/"
        assert post_to(url, document(message(phone("79000000101")))).json()["information"] == [
            {"error": "Номер телефона присутствует в стоп-листе"}
        ]
        end(process)


def test_a_wider_address_is_warned_of() -> None:
    with program("--host", "0.0.0.0") as (process, url):  # noqa: S104
        assert requests.get(url, headers={"Host": "sandbox:8025"}, timeout=20).status_code == 200
        _, err = end(process)
    assert "warning: 0.0.0.0 is reached from other machines" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        *((["--port", port], "must be a whole number from 0 to 65535") for port in ("abc", "-1", "65536")),
        (["--language", "de"], "invalid choice"),
        (["--delivery-seconds", "-1"], "delivery_seconds: must be"),
        (["--webhook", "ftp://x/"], "webhook: must be"),
        (["--db", "/nonexistent/x.sqlite"], "the ledger /nonexistent/x.sqlite can't be opened: No such file"),
        (["--host", "192.0.2.1"], "can't listen on 192.0.2.1"),
        (["--host", "nonexistent.invalid"], "can't listen on nonexistent.invalid"),
    ],
)
def test_wrong_options_are_told_in_a_line(arguments: list[str], words: str) -> None:
    ended = run("--port", "0", *arguments)
    assert ended.returncode in (1, 2)
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "reached from other machines" not in ended.stderr
    assert "while attempting" not in ended.stderr
    assert ended.stdout == ""


def test_a_port_in_use_is_told(mysmpp_sandbox: SandboxServer) -> None:
    ended = run("--port", str(mysmpp_sandbox.port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"error: can't listen on 127.0.0.1 port {mysmpp_sandbox.port}: the port is in use; give another --port, or 0"
        " for a free one\n"
    )


def test_a_ledger_belongs_to_one_program_and_is_one(tmp_path: Path) -> None:
    db = tmp_path / "sandbox.sqlite"
    with program("--db", str(db)) as (process, _):
        ended = run("--port", "0", "--db", str(db))
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            f"error: the ledger {db} can't be opened: another sandbox has it; end that one, or give another --db\n"
        )
        end(process)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as foreign:
        foreign.execute("CREATE TABLE bank (money)")
    foreign.close()
    with pytest.raises(sqlite3.DatabaseError, match="not made by"):
        Ledger(other)
    other.write_text("not a database" * 100)
    assert "can't be opened" in run("--port", "0", "--db", str(other)).stderr


def test_a_hundred_thousand_messages(mysmpp_sandbox: SandboxServer) -> None:
    with requests.Session() as session:
        for start in range(0, 100_000, 2000):
            phones = [phone(str(79610000000 + n), n) for n in range(start, start + 2000)]
            body = json.dumps(document(message(*phones))).encode()
            session.post(mysmpp_sandbox.url + "/json", data=body, headers=HEADERS, timeout=60).raise_for_status()
        started = time.monotonic()
        listed = session.get(mysmpp_sandbox.url + "/api/messages?q=79610077777", timeout=60).json()
        session.get(mysmpp_sandbox.url, timeout=60).raise_for_status()
        assert time.monotonic() - started < 5
    assert (listed["total"], listed["messages"][0]["client_id_sms"]) == (1, "77777")
    kept = mysmpp_sandbox.messages()
    assert [m["client_id_sms"] for m in kept] == [str(n) for n in range(100_000)]
    assert len(mysmpp_sandbox.requests()) == 50
    mysmpp_sandbox.advance(3600)
    assert mysmpp_sandbox.summary()["states"] == {"deliver": 100_000}


def test_requests_at_once_send_each_message_once(mysmpp_sandbox: SandboxServer) -> None:
    body = document(message(*(phone(client_id=n) for n in range(100))))
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(post(mysmpp_sandbox, body).json())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 8
    assert len(mysmpp_sandbox.messages()) == 100


def test_a_server_leaves_its_port_and_starts_again(tmp_path: Path) -> None:
    db = tmp_path / "sandbox.sqlite"
    with SandboxServer(db=db, settings={"language": "ru"}) as sandbox:
        port = sandbox.port
        (entry,) = send(sandbox, message(phone(client_id=1)))
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
    with SandboxServer(port=port, db=db) as sandbox:
        assert sandbox.port == port
        assert send(sandbox, message(phone(client_id=1))) == [entry]


def test_the_port_is_open_even_when_the_block_fails() -> None:
    def fail() -> None:
        with SandboxServer() as sandbox:
            seen.append(sandbox.port)
            raise KeyError("the test failed")

    seen: list[int] = []
    with pytest.raises(KeyError):
        fail()
    with SandboxServer(port=seen[0]):
        pass


def test_connections_name_the_sandbox() -> None:
    with SandboxServer() as sandbox:
        connection = json.loads(sandbox.airflow_connection(timezone="Europe/Moscow"))
        uri = urlsplit(sandbox.connection_uri())
    assert connection == {
        "conn_type": "mysmpp",
        "schema": "http",
        "host": "127.0.0.1",
        "port": sandbox.port,
        "login": "sandbox",
        "password": "sandbox",
        "extra": {"sender": "SANDBOX", "timezone": "Europe/Moscow"},
    }
    assert (uri.scheme, uri.username, uri.password) == ("mysmpp", "sandbox", "sandbox")
    assert (uri.hostname, uri.port, uri.path) == ("127.0.0.1", sandbox.port, "/http")
    assert parse_qs(uri.query) == {"sender": ["SANDBOX"]}


def test_the_fixtures_start_anew_for_each_test(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        textwrap.dedent(
            """
            import requests

            pytest_plugins = ["airflow_provider_mysmpp.sandbox.pytest_plugin"]
            ports = set()

            def use(sandbox):
                ports.add(sandbox.port)
                assert sandbox.messages() == sandbox.requests() == []
                sandbox.change(language="ru")
                sandbox.add_fault("status", status=500, after=1)
                body = {"token": "sandbox", "message": [
                    {"type_send_1": "sms", "sender": "S", "text": "T", "phones": [{"phone": "79000000101"}]},
                    {"type_send_1": "sms", "sender": "S", "text": "T", "phones": [{"phone": "79612242243"}]},
                ]}
                answer = requests.post(
                    sandbox.url + "/json", json=body, headers={"Content-Type": "text/json; charset=utf-8"}
                )
                assert answer.json()["information"][0]["error"].startswith("Номер")
                assert len(sandbox.messages()) == len(sandbox.requests()) == len(ports) == 1

            def test_one(mysmpp_sandbox):
                use(mysmpp_sandbox)

            def test_two(mysmpp_sandbox):
                assert mysmpp_sandbox.api("GET", "/api/settings")["language"] == "en"
                use(mysmpp_sandbox)
            """
        )
    )
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout
