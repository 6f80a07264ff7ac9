"""Do tables and indexes stay bounded? `make bloat`: cycles of claim and release by the million, with cleanup.

The database's clock goes on by days between chunks, so that the retentions come by as in months.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from benchmarks.floor import script
from benchmarks.outcome import Table, WrongAnswer
from benchmarks.populated import populated, query, server_on_disk
from benchmarks.screen import rich_table
from benchmarks.stage import PLAN
from benchmarks.variations import compare
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.service.cleaner import Cleaner
from tools.embedded import POSTGRES_BIN
from tools.population import Size

DEVICES = 1_000
CLIENTS = 8
CHECKPOINTS = 5
CHUNKS = 10
"""Between two checkpoints."""
DAYS_A_CHUNK = 10
RETENTION_DAYS = 30
VARIED_CYCLES = 200_000
MOST_GROWTH = 1.3
"""A size may be this much larger at the last checkpoint than at the second, settled one: some rows may be dead."""
SETTINGS = {"autovacuum_naptime": "5s"}
"""Sweeps look that often. A minute, as by default, is up to 120,000 cycles of dead rows here."""
TABLES = ("devices", "device_allocations", "usage_records", "outbox", "quota_usage", "allocation_counters")
_SIZES = """
SELECT relname, pg_relation_size(oid), relkind FROM pg_class
 WHERE oid = ANY (%s::regclass[]) OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY (%s::regclass[]))
 ORDER BY relkind DESC, relname"""
_LATER = """
CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT clock_timestamp() + interval '{days} days' $$"""
_PUBLISHED = "UPDATE outbox SET published_at = scheduler_clock() WHERE published_at IS NULL"


class Silence:
    """A meter that does not count."""

    def count(self, *_: object) -> None:
        """Count nothing."""

    observe = count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cycles and print the sizes; 1 when something grew."""
    parser = argparse.ArgumentParser(prog="make bloat", description=__doc__.partition("\n")[0])
    parser.add_argument("--cycles", type=int, default=5_000_000, help="in all; 100000 is a quick form")
    parser.add_argument(
        "--variations", action="store_true", help="compare settings of tables instead (200000 cycles each)"
    )
    options, console = parser.parse_args(arguments), Console(highlight=False)
    os.environ |= {"DATABASE_URL": "", "DEFAULT_PLAN": PLAN, "AWS_EC2_METADATA_DISABLED": "true"}
    with server_on_disk("bloat", SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
        url = populated(server, "bloat", Size(DEVICES, occupied=0), lambda _step: None)
        cycle = Path(folder) / "cycle.sql"
        cycle.write_text(script(url, PLAN))
        if options.variations:
            compare(server, lambda database, cycles: run_cycles(database, cycle, cycles), VARIED_CYCLES, console)
            return 0
        sizes = [measure(url, cycle, options.cycles, number, console) for number in range(CHECKPOINTS)]
    return verdict(sizes, options.cycles, console)


def verdict(sizes: Sequence[dict[str, int]], cycles: int, console: Console) -> int:
    """Print the sizes; 1 when something grew."""
    console.print(rich_table(table(sizes, cycles)))
    grown = [name for name, size in sizes[-1].items() if size > MOST_GROWTH * max(sizes[1][name], 128 * 1024)]
    console.print(f"{os.cpu_count()} cores; autovacuum looks every 5 s, fsync off")
    console.print(f"grew by more than {MOST_GROWTH:g}: {', '.join(grown) or 'nothing'}")
    return 1 if grown else 0


def measure(url: str, cycle: Path, cycles: int, checkpoint: int, console: Console) -> dict[str, int]:
    """Run the chunks up to a checkpoint, each followed by days and a cleanup; give bytes by table and index."""
    database = Database(lambda: url)
    allocations, upkeep = PostgresAllocations(database), PostgresUpkeep(database)
    cleaner = Cleaner(allocations, upkeep, Silence(), RETENTION_DAYS, usage_retention_days=RETENTION_DAYS)
    for chunk in range(CHUNKS):
        run_cycles(url, cycle, cycles // CHECKPOINTS // CHUNKS)
        query(url, _PUBLISHED)
        query(url, _LATER.format(days=DAYS_A_CHUNK * (checkpoint * CHUNKS + chunk + 1)))
        cleaned = cleaner.clean()
        done = (checkpoint * CHUNKS + chunk + 1) * (cycles // CHECKPOINTS // CHUNKS)
        console.print(f"{done:,} cycles, {cleaned.allocations:,} allocations cleaned up", soft_wrap=True)
    database.close()
    return {name: size for name, size, _kind in query(url, _SIZES, list(TABLES), list(TABLES))}


def run_cycles(url: str, cycle: Path, cycles: int) -> None:
    """Let pgbench run so many cycles.

    Raises:
        WrongAnswer: It failed.
    """
    where = urlsplit(url)
    command = [
        *(str(POSTGRES_BIN / "pgbench"), "-n", "-M", "simple", "-f", str(cycle)),
        *("-c", str(CLIENTS), "-j", str(os.cpu_count() or 1), "-t", str(max(cycles // CLIENTS, 1))),
        *("-h", str(where.hostname), "-p", str(where.port), "-U", str(where.username), where.path.lstrip("/")),
    ]
    environment = {**os.environ, "PGPASSWORD": str(where.password)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongAnswer(f"pgbench failed:\n{done.stderr[-2000:]}")


def table(sizes: Sequence[dict[str, int]], cycles: int) -> Table:
    """Give kB by table and index at the checkpoints."""
    headings = ("kB", *(f"{cycles * (number + 1) // CHECKPOINTS:,}" for number in range(CHECKPOINTS)))
    rows = tuple((name, *(f"{size[name] // 1024:,}" for size in sizes)) for name in sizes[0])
    return Table("Tables and indexes after so many cycles, cleaned up", headings, rows)


if __name__ == "__main__":
    sys.exit(main())
