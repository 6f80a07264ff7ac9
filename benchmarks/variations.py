"""Is the room that tables leave on their pages, and how often they are swept, worth it? `make bloat ARGS=--variations`.

The same cycles on databases that differ in these settings alone, in turn on one server.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import truediv
from statistics import median

from rich.console import Console

from benchmarks.outcome import Table
from benchmarks.populated import populated, query
from benchmarks.screen import rich_table
from tools.embedded import PostgresServer
from tools.population import Size

DEVICES = 1_000
ROUNDS = 5
VARIATIONS: Mapping[str, str] = {
    "as migrated": "SELECT 1",
    "pages filled": """
        DO $$ DECLARE t record; BEGIN
          FOR t IN SELECT oid::regclass AS name FROM pg_class
                    WHERE relkind = 'r' AND reloptions::text LIKE '%fillfactor%' LOOP
            EXECUTE format('ALTER TABLE %s RESET (fillfactor)', t.name);
          END LOOP; END $$""",
    "autovacuum's defaults": """
        DO $$ DECLARE t record; BEGIN
          FOR t IN SELECT oid::regclass AS name FROM pg_class
                    WHERE relkind = 'r' AND reloptions::text LIKE '%autovacuum%' LOOP
            EXECUTE format('ALTER TABLE %s RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,'
                           ' autovacuum_vacuum_cost_delay, autovacuum_analyze_scale_factor)', t.name);
          END LOOP; END $$""",
}
TABLES = ("quota_usage", "allocation_counters", "devices", "device_allocations", "outbox", "usage_records")
_STATE = """
SELECT s.relname, round(100.0 * n_tup_hot_upd / greatest(n_tup_upd, 1)), pg_relation_size(relid) / 1024,
       pg_indexes_size(relid) / 1024, autovacuum_count
  FROM pg_stat_user_tables s WHERE s.relname = ANY (%s) ORDER BY array_position(%s, s.relname::text)"""


@dataclass(slots=True)
class Varied:
    """One database: its URL, and cycles/s of each round."""

    url: str
    rates: list[float] = field(default_factory=list)


def compare(server: PostgresServer, run_cycles: Callable[[str, int], None], cycles: int, console: Console) -> None:
    """Run rounds of cycles on each variation in turn, and print rates, HOT shares and sizes."""
    varied = {name: Varied(_made(server, number, change)) for number, (name, change) in enumerate(VARIATIONS.items())}
    for number in range(ROUNDS):
        for name, one in varied.items():
            started = time.monotonic()
            run_cycles(one.url, cycles // ROUNDS)
            one.rates.append(cycles // ROUNDS / (time.monotonic() - started))
            console.print(f"round {number + 1}, {name}: {one.rates[-1]:.0f} cycles/s", soft_wrap=True)
    console.print(rich_table(rates(varied)))
    for name, one in varied.items():
        console.print(rich_table(state(name, one.url)))


def rates(varied: Mapping[str, Varied]) -> Table:
    """Give cycles/s, and against the first variation the median of the rounds' ratios."""
    (first, *_) = varied.values()
    rows = [
        (name, f"{median(one.rates):.0f}", f"{median(map(truediv, one.rates, first.rates)):.3f}")
        for name, one in varied.items()
    ]
    return Table(f"Medians of {ROUNDS} rounds in turn", ("settings", "cycles/s", "÷ as migrated"), tuple(rows))


def state(name: str, url: str) -> Table:
    """Give what has become of the tables."""
    rows = query(url, _STATE, list(TABLES), list(TABLES))
    headings = ("table", "HOT %", "kB", "kB of indexes", "swept")
    return Table(name, headings, tuple(tuple(f"{value}" for value in row) for row in rows))


def _made(server: PostgresServer, number: int, change: str) -> str:
    url = populated(server, f"variation_{number}", Size(DEVICES, occupied=0), lambda _step: None)
    query(url, change)
    return url
