"""What is new in the schema since the release before only adds to it: that release still runs while this one comes."""

import re
import subprocess
from functools import cache

import pytest

from tests.architecture.repository import PACKAGE, ROOT, name_of
from tests.support.release_before import NoHistory, release_before

POSTGRES = PACKAGE / "adapters" / "postgres"
NARROWING = {
    "drops what older code may use": r"\bDROP\s+(TABLE|COLUMN|VIEW|TYPE|FUNCTION|SCHEMA|SEQUENCE|DEFAULT)\b",
    "renames": r"\bRENAME\b",
    "changes a type": r"\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE\b",
    "forbids NULL where older code may write it": r"\bSET\s+NOT\s+NULL\b",
    "forbids rows that older code may write": r"\bADD\s+(CONSTRAINT|CHECK|UNIQUE|EXCLUDE|FOREIGN|PRIMARY)\b"
    r"|\bCREATE\s+UNIQUE\s+INDEX\b",
    "takes a right away": r"\bREVOKE\b(?!.*\bFROM\s+PUBLIC\b)",
    "empties": r"\b(TRUNCATE|DELETE\s+FROM)\b",
}
# (migration, beginning of the statement) → why the release before is not hurt. Reviewed one by one.
ALLOWED: dict[tuple[str, str], str] = {}


@cache
def before(folder: str) -> dict[str, str]:
    """Texts of the SQL files that the release before has in a folder, by name."""
    try:
        commit = release_before().commit
    except NoHistory as reason:
        pytest.skip(f"the release before is not to be had: {reason}")
    place = name_of(POSTGRES / folder)
    listed = _git("ls-tree", "--name-only", commit, f"{place}/").split()
    return {path.rpartition("/")[2]: _git("show", f"{commit}:{path}") for path in listed}


def statements(text: str) -> list[str]:
    """Statements of a script, each on one line, without comments and function bodies."""
    bare = re.sub(r"--.*", "", re.sub(r"\$(\w*)\$.*?\$\1\$", "''", text, flags=re.DOTALL))
    return [" ".join(each.split()) for each in bare.split(";") if each.strip()]


def narrowing(text: str) -> list[tuple[str, str]]:
    """Statements that take something from who knows the older schema, each with what it does."""
    made = {
        name.lower() for name in re.findall(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", text, re.IGNORECASE)
    }
    return [
        (statement, what)
        for statement in statements(text)
        if not _of_new_table(statement, made)
        for what in effects(statement)
    ]


def effects(statement: str) -> list[str]:
    """Tell what a statement takes from older code."""
    found = [what for what, pattern in NARROWING.items() if re.search(pattern, statement, re.IGNORECASE)]
    added = re.split(r"\bADD\s+COLUMN\b", statement.upper())[1:]
    if any("NOT NULL" in column and not re.search(r"\b(DEFAULT|GENERATED)\b", column) for column in added):
        found.append("wants a value that older code does not give")
    return found


def signature(text: str) -> str:
    """Name, parameters and result of a routine, on one line."""
    bare = re.sub(r"--.*", "", text)
    head = re.search(
        r"CREATE\s+OR\s+REPLACE\s+FUNCTION\s+(.*?)\s+(?:LANGUAGE|AS\s+\$)", bare, re.DOTALL | re.IGNORECASE
    )
    assert head, text[:200]
    return " ".join(head[1].split())


def test_new_migrations_only_expand() -> None:
    known = before("migrations")
    found = {
        (path.stem, statement): what
        for path in sorted((POSTGRES / "migrations").glob("*.sql"))
        if path.name not in known
        for statement, what in narrowing(path.read_text())
        if not any(path.stem == name and statement.startswith(start) for name, start in ALLOWED)
    }

    assert found == {}, "expand now, contract a release later: docs/decisions/0019-expand-then-contract.md"


def test_a_routine_that_the_release_before_calls_keeps_its_signature() -> None:
    now = {path.name: path.read_text() for path in (POSTGRES / "routines").glob("*.sql")}
    changed = {
        name: (signature(text), signature(now[name]))
        for name, text in before("routines").items()
        if name in now and signature(text) != signature(now[name])
    }

    assert changed == {}, "a changed signature gets a new name"


def test_every_exception_is_still_one() -> None:
    for migration, start in ALLOWED:
        text = (POSTGRES / "migrations" / f"{migration}.sql").read_text()
        assert any(statement.startswith(start) for statement, _ in narrowing(text)), f"{migration}: {start}"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE devices",
        "ALTER TABLE devices DROP COLUMN host",
        "ALTER TABLE devices RENAME COLUMN host TO machine",
        "ALTER TABLE devices RENAME TO phones",
        "ALTER TABLE devices ALTER COLUMN host SET NOT NULL",
        "ALTER TABLE devices ALTER COLUMN host TYPE text",
        "ALTER TABLE devices ADD COLUMN rack text NOT NULL",
        "ALTER TABLE devices ADD COLUMN rack text NOT NULL, ADD COLUMN shelf int DEFAULT 0",
        "ALTER TABLE devices\n  ADD COLUMN shelf int NOT NULL DEFAULT 0,\n  ADD COLUMN rack text NOT NULL",
        "ALTER TABLE devices ADD CONSTRAINT one_host UNIQUE (host)",
        "CREATE UNIQUE INDEX one_host ON devices (host)",
        "DROP FUNCTION claim_device",
        "REVOKE SELECT ON devices FROM scheduler_app",
        "-- tidy up\nTRUNCATE outbox",
    ],
)
def test_what_narrows_is_seen(statement: str) -> None:
    assert narrowing(f"CREATE TABLE new_one (id int);\n{statement};\nSELECT 1")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE racks (name text NOT NULL); ALTER TABLE racks ADD CONSTRAINT named CHECK (name <> '')",
        "CREATE TABLE racks (id int); CREATE UNIQUE INDEX one_rack ON racks (id)",
        "ALTER TABLE devices ADD COLUMN rack text",
        "ALTER TABLE devices ADD COLUMN rack text NOT NULL DEFAULT ''",
        "ALTER TABLE devices ADD COLUMN rack text DEFAULT '' NOT NULL, ADD COLUMN shelf int",
        "CREATE INDEX by_host ON devices (host)",
        "ALTER TABLE devices DROP CONSTRAINT devices_host_check",
        "REVOKE ALL ON FUNCTION claim_device FROM PUBLIC",
        "-- DROP TABLE devices comes with the next release",
        "CREATE FUNCTION tidy() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM devices; END $$",
    ],
)
def test_what_adds_is_let_through(statement: str) -> None:
    assert narrowing(statement) == []


def _of_new_table(statement: str, made: set[str]) -> bool:
    of = re.search(r"\b(?:ALTER\s+TABLE(?:\s+ONLY)?|\bON)\s+(\w+)", statement, re.IGNORECASE)
    return of is not None and of[1].lower() in made


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
