"""Writes the schema that the migrations make to docs/schema.sql: `python -m tools.schema_dump [--check]`."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from scheduler.adapters.postgres.migrate import migrate, scripts
from tools.embedded import POSTGRES_BIN, postgres

DOCUMENT = Path(__file__).parents[1] / "docs" / "schema.sql"
_HEADER = """-- The schema, for reading; the routines stand in adapters/postgres/routines.
-- Written from the migrations by `make schema`, compared by a test.

SET check_function_bodies = false;

"""
_DUMP_SECONDS = 60
# Headings, settings and tokens: they differ between versions of pg_dump or from run to run, and tell nothing.
_NOISE = re.compile(
    r"--|-- (Name: |PostgreSQL |Dumped ).*|\\(un)?restrict .*|SET .*;|SELECT pg_catalog\.set_config\(.*;"
)
# The routines have a file each, which says more than the dump of it.
_ROUTINES = re.compile(
    rf"CREATE FUNCTION public\.({'|'.join(script.name for script in scripts('routines'))})\(.*?\n *AS \$\$.*?\$\$;\n",
    re.DOTALL,
)


def main(arguments: list[str] | None = None) -> int:
    """Write the document, or with --check only compare it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the document is out of date")
    check = parser.parse_args(arguments).check
    with postgres() as server:
        migrate(server.url)
        fresh = document(server.url)
    if check and (not DOCUMENT.exists() or DOCUMENT.read_text() != fresh):
        print(f"{DOCUMENT.name} is out of date: run make schema", file=sys.stderr)
        return 1
    if not check:
        DOCUMENT.write_text(fresh)
    return 0


def document(url: str) -> str:
    """Dump the schema of a migrated database as the document has it.

    Raises:
        subprocess.SubprocessError: pg_dump failed or took longer than a minute.
    """
    dumped = subprocess.run(
        [POSTGRES_BIN / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", f"--dbname={url}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_DUMP_SECONDS,
    )
    schema = _ROUTINES.sub("", dumped.stdout)
    lines = [line for line in schema.splitlines() if not _NOISE.fullmatch(line)]
    return _HEADER + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
