"""docs/security.md names the tests that hold each answer; they exist, and no risk is left out."""

import ast
import re
from functools import cache

from tests.architecture.repository import ROOT, table

PAGE = ROOT / "docs" / "security.md"
TOP_TEN = "## OWASP API Security Top 10 (2023)"
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def names_of_tests(path: str) -> set[str]:
    """Names of the tests of a file, those in classes too."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def missing(text: str) -> list[str]:
    """Tests that a text names and nobody wrote."""
    return [
        f"{path}::{name}"
        for path, name in REFERENCE.findall(text)
        if not (ROOT / path).exists() or name not in names_of_tests(path)
    ]


def test_each_test_that_is_named_exists() -> None:
    assert missing(PAGE.read_text()) == []


def test_each_of_the_ten_risks_has_an_answer_and_a_test() -> None:
    rows = table(PAGE, TOP_TEN)

    assert [row[0].split()[0] for row in rows[:10]] == [f"API{number}" for number in range(1, 11)]
    assert all(answer and REFERENCE.search(tests) for _, answer, tests in rows)


def test_a_test_that_nobody_wrote_is_found() -> None:
    named = "tests/unit/test_access.py::test_all_is_well"

    assert missing(f"held by `{named}`") == [named]
    assert missing("held by `tests/unit/test_nothing.py::test_all_is_well`")


def test_the_picture_belongs_to_the_page() -> None:
    assert "](images/security.svg)" in PAGE.read_text()
    assert (ROOT / "docs" / "images" / "security.svg").exists()
