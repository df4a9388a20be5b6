"""Where a plan is kept: on disk, for nobody else to read, and gone with its process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sending.support import accepted, phone_of, plan_of
from tests.support import missing

FILES = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def proc() -> None:
    """What these tests look into."""
    if not FILES.is_dir():
        missing(f"{FILES} is not there, which only Linux has")


def temporary_files() -> dict[str, os.stat_result]:
    """Return the open files of SQLite that have no name any more."""
    found = {}
    for link in FILES.iterdir():
        try:
            target = os.readlink(link)  # noqa: PTH115 -- Path.readlink would make one path of "name (deleted)"
            if "etilqs" in target:
                found[target] = link.stat()
        except FileNotFoundError:
            continue  # the one that lists the folder
    return found


def test_what_does_not_fit_the_cache_lies_in_a_file_that_nobody_else_can_open() -> None:
    texts = ({"phone": phone_of(number), "text": f"secret {number} " + "x" * 900} for number in range(12_000))
    before = temporary_files()
    with plan_of(texts) as plan:
        files = {name: found for name, found in temporary_files().items() if name not in before}
        assert files, "the plan is in memory as a whole"
        assert sum(found.st_size for found in files.values()) > 4 * 2**20
        for name, found in files.items():
            assert name.endswith("(deleted)")
            assert found.st_nlink == 0
            assert stat.S_IMODE(found.st_mode) == 0o600
            assert not Path(name.removesuffix(" (deleted)")).exists()
        for batch in plan.batches(500):
            plan.record(batch, accepted(*[message.row for message in batch]))
        assert plan.counts() == {"accepted": 12_000}
    assert temporary_files().keys() <= before.keys()


def in_a_process(program: str, **environment: str) -> list[float]:
    """Run a program with the plan's helpers at hand, and return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, os, resource\nfrom tests.sending.support import *\n{program}"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[float] = json.loads(done.stdout)
    return found


LOAD = """
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def rows(count):
    for number in range(count):
        yield {"phone": phone_of(number), "text": f"Здравствуйте, {number}! " + "Ваш заказ готов. " * 5}

def run(count):
    with plan_of(rows(count)) as plan:
        for batch in plan.batches(500):
            plan.record(batch, accepted(*[message.row for message in batch]))
        plan.finish(None)
        return sum(1 for _ in plan.results())
"""


def test_a_hundred_thousand_rows_take_little_more_memory_than_ten_thousand() -> None:
    program = f"{LOAD}\nrun(10_000); before = peak(); run(100_000)\nprint(json.dumps([before, peak()]))"
    before, after = in_a_process(program)
    assert after - before < 5, "MiB more"


@pytest.mark.parametrize("variable", ["TMPDIR", "SQLITE_TMPDIR"])
def test_the_file_lies_in_the_temporary_folder_and_leaves_nothing_there(variable: str, tmp_path: Path) -> None:
    program = f"""{LOAD}
def is_here(number):
    link = f"/proc/self/fd/{{number}}"
    return os.path.islink(link) and os.readlink(link).startswith({str(tmp_path)!r})

with plan_of(rows(30_000)) as plan:
    print(json.dumps([sum(map(is_here, os.listdir("/proc/self/fd"))), len(os.listdir({str(tmp_path)!r}))]))
"""
    kept_here, with_a_name = in_a_process(program, **{"SQLITE_TMPDIR": "", variable: str(tmp_path)})
    assert kept_here > 0
    assert with_a_name == 0
    assert list(tmp_path.iterdir()) == []
