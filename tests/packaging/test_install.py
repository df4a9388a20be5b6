"""What `make` does about the environment: installed once, again when it must be, never half."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("Makefile", ".ci", "pyproject.toml", "constraints.txt", "constraints-2.11.txt")

# In the place of pip: keep what was asked, and then do what a variable says.
PIP = """
import os, sys, time
open("asked", "a").write(" ".join(sys.argv[1:]) + "\\n")
print("Collecting one\\nCollecting two", flush=True)
if os.environ.get("PIP_WAITS"):
    time.sleep(600)
print("Installing collected packages: one, two\\nERROR: a reason" if os.environ.get("PIP_FAILS") else "done")
sys.exit(bool(os.environ.get("PIP_FAILS")))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with an environment whose pip is a stand-in."""
    for name in FILES:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    (tmp_path / "airflow_provider_mysmpp").mkdir()
    (tmp_path / "airflow_provider_mysmpp" / "__init__.py").touch()
    (tmp_path / "stubs" / "pip").mkdir(parents=True)
    (tmp_path / "stubs" / "pip" / "__init__.py").touch()
    (tmp_path / "stubs" / "pip" / "__main__.py").write_text(PIP)
    for venv in (".venv", ".venv-2.11"):
        (tmp_path / venv / "bin").mkdir(parents=True)
        (tmp_path / venv / "bin" / "python").symlink_to(sys.executable)
        (tmp_path / venv / ".made").touch()
    return tmp_path


def outside_of_make() -> dict[str, str]:
    """Return this environment without what a `make test` around the tests hands down."""
    handed_down = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTHON", "AIRFLOW", "KEEP", "ARGS")
    return {name: value for name, value in os.environ.items() if name not in handed_down}


def start(clone: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start make in a clone."""
    return subprocess.Popen(
        ["make", *arguments],
        cwd=clone,
        # The real pip, if it were run after all, would refuse to touch an environment that is none.
        env={**outside_of_make(), "PYTHONPATH": str(clone / "stubs"), "PIP_REQUIRE_VIRTUALENV": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def make(clone: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run make in a clone and return its status and what it printed."""
    with start(clone, *arguments, **variables) as process:
        output, _ = process.communicate(timeout=60)
    return process.returncode, output


def asked(clone: Path) -> list[str]:
    """Return what pip was asked to install so far, by its last word."""
    path = clone / "asked"
    return [line.split()[-1] for line in path.read_text().splitlines()] if path.exists() else []


def stamps(clone: Path, venv: str = ".venv") -> set[str]:
    return {path.name.removeprefix(".installed-") for path in (clone / venv).glob(".installed-*")}


def test_a_second_run_installs_nothing(clone: Path) -> None:
    status, output = make(clone, ".venv/.installed-demo")
    assert (status, asked(clone), stamps(clone)) == (0, [".[demo]"], {"demo"}), output
    assert "which takes a minute or two the first time" in output
    assert make(clone, ".venv/.installed-demo")[0] == 0
    assert asked(clone) == [".[demo]"]
    assert "-c constraints.txt -e .[demo]" in (clone / "asked").read_text()


def test_more_includes_less(clone: Path) -> None:
    assert make(clone, ".venv/.installed-dev")[0] == 0
    assert stamps(clone) == {"demo", "dev"}
    assert make(clone, ".venv/.installed-demo")[0] == 0
    assert asked(clone) == [".[dev]"]
    assert make(clone, ".venv/.installed-bench")[0] == 0
    assert stamps(clone) == {"demo", "dev", "bench"}


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt", "airflow_provider_mysmpp/__init__.py"])
def test_a_change_of_what_is_wanted_installs_again(clone: Path, file: str) -> None:
    assert make(clone, ".venv/.installed-dev")[0] == 0
    later = time.time() + 5
    os.utime(clone / file, (later, later))
    assert make(clone, ".venv/.installed-demo")[0] == 0
    assert asked(clone) == [".[dev]", ".[demo]"]
    assert stamps(clone) == {"demo"}, "what was installed for the old versions is not for the new ones"


def test_the_older_line_has_its_own_environment_and_versions(clone: Path) -> None:
    assert make(clone, ".venv-2.11/.installed-dev", "AIRFLOW=2.11")[0] == 0
    assert "-c constraints-2.11.txt -e .[dev]" in (clone / "asked").read_text()
    assert (stamps(clone), stamps(clone, ".venv-2.11")) == (set(), {"demo", "dev"})


def test_a_failure_shows_pips_reason_and_counts_as_not_installed(clone: Path) -> None:
    assert make(clone, ".venv/.installed-demo")[0] == 0
    status, output = make(clone, ".venv/.installed-dev", PIP_FAILS="1")
    assert status == 2
    assert "\nERROR: a reason\nerror: pip failed; its whole log is .venv/install.log\n" in output
    assert stamps(clone) == set(), "pip may have been in the middle of anything"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_installation_counts_as_none_and_leaves_no_pip(clone: Path, number: signal.Signals) -> None:
    with start(clone, ".venv/.installed-demo", PIP_WAITS="1") as process:
        deadline = time.monotonic() + 30
        while not asked(clone):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.terminate()
        output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in output
    assert stamps(clone) == set()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_half_made_environment_is_made_anew(clone: Path) -> None:
    python = clone / "some-python"
    python.write_text('#!/bin/sh\n[ "$1" = -m ] && mkdir "$3" || exit 0\n')
    python.chmod(0o755)
    (clone / ".venv" / ".made").unlink()
    (clone / ".venv" / "left over").touch()
    status, output = make(clone, ".venv/.made", f"PYTHON={python}")
    assert status == 0, output
    assert [path.name for path in (clone / ".venv").iterdir()] == [".made"]


def test_help_explains_every_target(clone: Path) -> None:
    makefile = (clone / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert targets is not None
    status, shown = make(clone)
    assert status == 0
    assert set(re.findall(r"^  (\w+) +\S", shown, re.M)) | {"help"} == set(targets[1].split())


def test_a_python_that_is_not_there_is_told(clone: Path) -> None:
    (clone / ".venv" / ".made").unlink()
    status, output = make(clone, ".venv/.made", "PYTHON=no-such-python")
    assert status == 2
    assert output.startswith("error: there is no no-such-python; name your Python: make PYTHON=python3.12\n")
