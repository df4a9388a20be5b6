"""The shape of the house: imports run one way, files stay small, and nothing stands in them that must not."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_provider_mysmpp"
NAME = PACKAGE.name
LONGEST_FILE = 400

# What each part may import besides itself. A part that is not named here may not exist.
MAY_IMPORT: dict[str, set[str]] = {
    "gateway": set(),
    "sending": {"gateway"},
    "delivery": {"gateway"},
    "hooks": {"gateway", "sending", "delivery"},
    "operators": {"gateway", "sending", "hooks"},
    "triggers": {"gateway", "delivery", "hooks"},
    "sensors": {"gateway", "sending", "delivery", "hooks", "operators", "triggers"},
    "notifications": {"gateway", "sending", "hooks"},
    "decorators": {"gateway", "sending", "hooks", "operators", "notifications"},
    "get_provider_info": {"hooks"},
    "sandbox": {"gateway"},
}
WITHOUT_AIRFLOW = ("gateway", "sending", "delivery", "sandbox")
WITHOUT_LIBRARIES = {
    "gateway": {"msgspec", "requests", "tenacity", "urllib3"},
    "sending": {"msgspec", "phonenumbers"},
    "delivery": set(),
}
"""What these parts import that comes neither with Python nor with this package."""

MODULES = sorted(PACKAGE.rglob("*.py"))
TEXTS = sorted(
    path
    for folder in ("airflow_provider_mysmpp", "tests", "docs", "example_dags", ".ci", ".github")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".md", ".html", ".sql", ".sh", ".yml", ".yaml", ""} and path.is_file()
) + sorted(path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".txt"} or path.name == "Makefile")


def name_of(path: Path) -> str:
    """Return a path as a test shows it."""
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """Return the part of the package that a module belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Yield the names of all modules that are imported, at the top or within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert node.module
            # "from package import part" imports the part
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> list[str]:
    """Return the names of all modules that a file imports."""
    return list(imports_of(ast.parse(path.read_text(encoding="utf-8"))))


def test_the_test_sees_the_package() -> None:
    assert len(MODULES) > 40
    assert len(TEXTS) > 100
    assert "requests.Session" not in imports(PACKAGE / "gateway" / "client.py")
    assert f"{NAME}.gateway.pacing.Pacer" in imports(PACKAGE / "gateway" / "client.py")


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent != PACKAGE or path.stem != "__init__"], ids=name_of
)
def test_imports_run_one_way(path: Path) -> None:
    part = part_of(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith(f"{NAME}.")}
    assert used <= MAY_IMPORT[part] | {part, "__version__"}


def test_no_way_leads_round() -> None:
    for part, others in MAY_IMPORT.items():
        for other in others:
            assert part not in MAY_IMPORT[other], f"{part} and {other} import each other"
    assert not any("sandbox" in others for others in MAY_IMPORT.values())


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in WITHOUT_AIRFLOW], ids=name_of)
def test_what_speaks_and_decides_knows_nothing_of_airflow(path: Path) -> None:
    assert [name for name in imports(path) if name.split(".")[0] == "airflow"] == []


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in WITHOUT_LIBRARIES], ids=name_of)
def test_what_speaks_and_decides_needs_few_libraries(path: Path) -> None:
    used = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {NAME}
    assert used <= WITHOUT_LIBRARIES[part_of(path)]


# The files


@pytest.mark.parametrize("path", [path for path in TEXTS if path.suffix in {".py", ".html", ".md"}], ids=name_of)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", [path for path in TEXTS if path.suffix == ".py" and path.stat().st_size], ids=name_of)
def test_every_module_says_first_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    words = ast.get_docstring(ast.parse(text))
    assert words, "no docstring"
    assert words.splitlines()[0].endswith((".", ":", "?")), "its first line is no sentence"
    assert text.startswith(('"""', "#!"))


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(node: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Yield the public classes and functions of a module, with their methods."""
    for each in node.body:
        if not isinstance(each, Definition) or each.name.startswith("_"):
            continue
        if not any(ast.unparse(wrapper).endswith(("overload", ".setter")) for wrapper in each.decorator_list):
            yield each
        if isinstance(each, ast.ClassDef):
            yield from public(each)


def parameters(node: Definition) -> list[str]:
    """Return the names that a docstring has to explain."""
    if isinstance(node, ast.ClassDef):
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                return parameters(each)
        makers = " ".join(ast.unparse(each) for each in [*node.decorator_list, *node.bases])
        fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
        is_record = "dataclass" in makers or "NamedTuple" in makers
        return [field.id for field in fields if isinstance(field, ast.Name)] if is_record else []
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [each.arg for each in given if each.arg not in {"self", "cls"} and not each.arg.startswith("_")]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_docstrings_name_every_parameter(path: Path) -> None:
    for node in public(ast.parse(path.read_text(encoding="utf-8"))):
        words = ast.get_docstring(node)
        assert words, f"{node.name} has no docstring"
        assert [name for name in parameters(node) if f":param {name}: " not in words] == [], node.name


# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "the host of a package registry": "|".join(
        [
            "py" + r"pi\.org",
            "python" + "hosted",
            "npm" + "js",
            "docker" + r"\.io",
            r"quay\." + "io",
            "anaconda" + r"\.org",
        ]
    ),
    "a path of one machine": "|".join(
        ["/wo" + "rk/", "/ro" + "ot/", "/home/" + "[a-z]", "/tm" + "p/v/", "/Us" + "ers/"]
    ),
    "a promise for later": r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b",
    "a test that can't fail": r"\bassert " + "True" + r"\b",
    "an exclusion from coverage": "pragma: " + "no cover",
    "an unnamed exception from the linter": "no" + r"qa(?!:)\b",
    "an unnamed exception from the types": r"type: " + r"ignore(?!\[)",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_stands_anywhere(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{name_of(path)}:{number}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("the host of a package registry", "see " + "py" + "pi.org/project"),
        ("a path of one machine", "cd /wo" + "rk/main"),
        ("a promise for later", "# TO" + "DO: later"),
        ("a test that can't fail", "assert " + "True"),
        ("an exclusion from coverage", "# pragma: " + "no cover"),
        ("an unnamed exception from the linter", "import os  # no" + "qa"),
        ("an unnamed exception from the types", "x = 1  # type: " + "ignore"),
    ],
)
def test_the_patterns_find_what_they_look_for(what: str, line: str) -> None:
    assert re.search(FORBIDDEN[what], line)
