"""What is published: its metadata, its files, and the versions that it is tested with."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import airflow_provider_mysmpp
from airflow_provider_mysmpp.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
NAME = "airflow-provider-mysmpp"
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = ("constraints.txt", "constraints-2.11.txt")
VERSION = airflow_provider_mysmpp.__version__


def build(kind: str, folder: Path) -> Path:
    """Build the distribution and return its one file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    (file,) = folder.iterdir()
    return file


def pins(file: str) -> dict[str, list[str]]:
    """Return the versions that a file of constraints names, by package: several where they differ by Python."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, version = re.match(r"([a-z0-9-]+)==([\w.+!]+)( ; .+)?$", line).group(1, 2)  # type: ignore[union-attr]
            found.setdefault(name, []).append(version)
    return found


def test_the_entry_point_gives_airflow_the_provider_of_this_distribution() -> None:
    found = [point for point in entry_points(group="apache_airflow_provider") if point.dist and point.dist.name == NAME]
    (point,) = found
    assert point.load() is get_provider_info
    assert get_provider_info()["package-name"] == PYPROJECT["project"]["name"] == NAME


def test_the_version_stands_in_one_place() -> None:
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PYPROJECT["project"]
    assert "versions" not in get_provider_info()
    assert distribution(NAME).version == VERSION
    files = [path for path in (ROOT / "airflow_provider_mysmpp").rglob("*.py") if VERSION in path.read_text("utf-8")]
    assert [path.name for path in files] == ["__init__.py"]


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path)
    assert wheel.name == f"airflow_provider_mysmpp-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"airflow_provider_mysmpp-{VERSION}.dist-info/METADATA").decode()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"airflow_provider_mysmpp", f"airflow_provider_mysmpp-{VERSION}.dist-info"}
    assert "airflow_provider_mysmpp/py.typed" in names
    assert "airflow_provider_mysmpp/sandbox/templates/inbox.html" in names
    assert f"airflow_provider_mysmpp-{VERSION}.dist-info/licenses/LICENSE" in names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "airflow_provider_mysmpp").rglob("*.py")}
    assert modules <= names
    assert "Requires-Python: >=3.11\n" in metadata
    assert "License-Expression: Apache-2.0\n" in metadata


def test_the_source_distribution_can_be_tested(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ["pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "Makefile", *CONSTRAINTS]
    assert [name for name in wanted if name not in names] == []
    for folder in ("docs", "example_dags", "tests", "airflow_provider_mysmpp", ".ci"):
        files = [
            path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix in (".md", ".py", ".html")
        ]
        assert {str(path.relative_to(ROOT)) for path in files} <= names, folder
    assert not [name for name in names if ".venv" in name or "__pycache__" in name]


@pytest.mark.parametrize("file", CONSTRAINTS)
def test_constraints_pin_every_requirement(file: str) -> None:
    project = PYPROJECT["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    pinned = pins(file)
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        if name != NAME:
            assert pinned[name], name
            assert all(requirement.specifier.contains(version) for version in pinned[name]), name


def test_constraints_are_for_both_lines_of_airflow() -> None:
    versions = [pins(file)["apache-airflow"] for file in CONSTRAINTS]
    assert [[version.split(".")[0] for version in found] for found in versions] == [["3"], ["2"]]
    assert versions[1][0].startswith("2.11.")


@pytest.mark.parametrize(
    ("python", "airflow", "fits"),
    [
        ((3, 10), "3", False),
        ((3, 11), "3", True),
        ((3, 13), "3", True),
        ((3, 13), "2.11", False),
        ((3, 12), "2.11", True),
    ],
)
def test_an_unfit_python_is_told_in_a_line(python: tuple[int, int], airflow: str, fits: bool) -> None:
    code = f"import sys, runpy; sys.version_info = {python}; sys.argv[1:] = ['{airflow}']; runpy.run_path(r'{{}}')"
    command = [sys.executable, "-c", code.format(ROOT / ".ci" / "check_python.py")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == int(not fits)
    if not fits:
        assert re.fullmatch(
            rf"error: \S+ is Python {python[0]}\.{python[1]}, .* make PYTHON=python3\.12\n", ended.stderr
        )
