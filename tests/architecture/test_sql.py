"""SQL lies in one place, tells what it settles, and reads time through one clock."""

import ast
import re
from pathlib import Path

import pytest

from scheduler.domain.model import Language
from scheduler.domain.notices import reason_in
from tests.architecture.repository import PACKAGE, name_of, product, tree

POSTGRES = PACKAGE / "adapters" / "postgres"
ROUTINES = sorted((POSTGRES / "routines").glob("*.sql"))
MIGRATIONS = sorted((POSTGRES / "migrations").glob("*.sql"))
LONGEST_ROUTINE = 60
STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|WITH \w+ AS|CREATE|ALTER|DROP)\b")
# What a pooling proxy cannot multiplex (a session would keep it), and clocks that stood still while locks were awaited.
BANNED = re.compile(
    r"\bnow\(\)|\bCURRENT_TIMESTAMP\b|\bLISTEN\b|\bNOTIFY\b|\bpg_(?:try_)?advisory_lock\b|\bset_config\([^)]*, false\)",
    re.IGNORECASE,
)

each_routine = pytest.mark.parametrize("path", ROUTINES, ids=lambda path: path.stem)


def code(path: Path) -> str:
    """The statements without their comments."""
    return re.sub(r"--.*", "", path.read_text())


def statements(path: Path) -> list[str]:
    """Texts of a Python file that are SQL."""
    texts = [node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and STATEMENT.match(text)]


@each_routine
def test_a_routine_begins_by_saying_what_it_is_for(path: Path) -> None:
    assert re.match(r"-- [A-Z].{10,}", path.read_text())


@each_routine
def test_a_routine_file_defines_the_one_function_of_its_name_replaceably(path: Path) -> None:
    assert re.findall(r"CREATE\s+(.*?)\s+(\w+)\s*\(", code(path)) == [("OR REPLACE FUNCTION", path.stem)]


@each_routine
def test_a_routine_fits_on_a_screen(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_ROUTINE


@each_routine
def test_a_routine_states_its_volatility_and_writes_only_when_volatile(path: Path) -> None:
    volatility = re.findall(r"\b(VOLATILE|STABLE|IMMUTABLE)\b", code(path))
    writes = re.search(r"\b(INSERT INTO|UPDATE|DELETE FROM|FOR SHARE)\b", code(path))

    assert len(volatility) == 1
    assert volatility == ["VOLATILE"] or not writes


@each_routine
def test_a_routine_uses_no_frozen_clock_and_nothing_that_outlives_its_transaction(path: Path) -> None:
    assert BANNED.findall(code(path)) == []


@each_routine
def test_only_scheduler_clock_asks_the_machine_for_the_time(path: Path) -> None:
    assert ("clock_timestamp" in code(path)) == (path.stem == "scheduler_clock")


@each_routine
def test_a_routine_is_called_by_another_or_by_the_code(path: Path) -> None:
    callers = [file.read_text() for file in [*product(), *ROUTINES] if file != path]

    assert any(re.search(rf"\b{path.stem}\(", text) for text in callers)


def test_every_reason_that_the_database_gives_is_translated() -> None:
    written = re.compile(r"(?:THEN|failure =) (?:format\()?'([A-Z][^']+)'")
    texts = [text for path in ROUTINES for text in written.findall(code(path))]
    reasons = [re.sub(r"%s|(?<= at )$", "5", text) for text in texts]

    assert len(reasons) > 5
    assert [text for text in reasons if reason_in(Language.ZH, text) == text] == []


def test_sql_is_written_in_one_place_only() -> None:
    elsewhere = [path for path in product() if POSTGRES not in path.parents]

    assert {name_of(path): statements(path) for path in elsewhere if statements(path)} == {}


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [re.fullmatch(r"(\d{4})_[a-z_]+", path.stem) for path in MIGRATIONS]

    assert [number and int(number[1]) for number in numbers] == list(range(1, len(MIGRATIONS) + 1))
