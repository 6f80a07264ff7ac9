"""The three classic look-ups with their indexes, and as a server without them must do them: by reading the table."""

import time
from collections.abc import Mapping
from contextlib import closing
from statistics import median
from typing import Any

import psycopg2

from benchmarks.figures import figure
from benchmarks.outcome import Outcome, Table

MS = 1000
LOOKUPS: Mapping[str, str] = {
    "active": "SELECT * FROM device_allocations WHERE device_id = %(device)s AND status = 'allocated'",
    "by user": "SELECT * FROM device_allocations WHERE user_id = %(user)s AND tenant_id = %(tenant)s"
    " ORDER BY allocated_at DESC, id DESC LIMIT 50",
    "due": "SELECT id FROM device_allocations WHERE status = 'allocated'"
    " AND expires_at <= clock_timestamp() + interval '4 hours' ORDER BY expires_at LIMIT 100",
}
"""What is due is looked for with a limit and in its order, as the sweep does. Four hours ahead something is due."""
_HEADINGS = ("look-up", "with, ms", "without, ms", "÷")


def lookups(url: str, rows: int, rounds: int) -> Outcome:
    """Time each look-up with and without indexes, in turn; Postgres may use as many workers as it likes."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(
            "SELECT device_id, user_id, tenant_id FROM device_allocations WHERE status = 'allocated' LIMIT 1"
        )
        names = dict(zip(("device", "user", "tenant"), cursor.fetchone() or (), strict=True))
        found = {name: _alternate(cursor, statement, names, rounds) for name, statement in LOOKUPS.items()}
    figures = tuple(
        figure(
            f"look-up {name} with index ÷ without, {rows:,} rows",
            median(fast / slow for fast, slow in zip(*times, strict=True)),
            "<= 0.05",
            f"{median(times[0]):.3f} ms ÷ {median(times[1]):.0f} ms, medians of {rounds} alternating rounds",
        )
        for name, times in found.items()
    )
    table = tuple(
        (name, f"{median(fast):.3f}", f"{median(slow):.0f}", f"{median(fast) / median(slow):.5f}")
        for name, (fast, slow) in found.items()
    )
    return Outcome(figures, (Table(f"Look-ups among {rows:,} ended allocations", _HEADINGS, table),))


def _alternate(cursor: Any, statement: str, names: Mapping[str, str], rounds: int) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for found, indexes in zip(times, ("on", "off"), strict=True):
            for kind in ("indexscan", "indexonlyscan", "bitmapscan"):
                cursor.execute(f"SET enable_{kind} = {indexes}")
            tries = [_once(cursor, statement, names) for _ in range(20 if indexes == "on" else 1)]
            found.append(median(tries))
    return times


def _once(cursor: Any, statement: str, names: Mapping[str, str]) -> float:
    started = time.perf_counter()
    cursor.execute(statement, names)
    cursor.fetchall()
    return MS * (time.perf_counter() - started)
