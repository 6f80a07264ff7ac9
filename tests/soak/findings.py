"""What grew in a soak: memory of warm workers, and tables once retention removes as much as comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any

from tests.soak.diary import Diary, Entry

MOST_MEMORY_GROWTH = 0.05
WARM_UP_LAPS = 3
SETTLED_DAYS = 45
"""Allocations are kept for 30 days; by then every table has seen rows leave, and its space used again."""
EARLY_DAYS, LATE_DAYS = 25, 30
MOST_SIZE_GROWTH = 0.05
SMALL_BYTES = 4 * 1024 * 1024


def findings(diary: Diary) -> list[str]:
    """Name what grew or failed; empty when nothing did."""
    found = []
    failed = sum(entry.failed for entry in diary.entries)
    if failed:
        found.append(f"{failed} operations failed")
    growth = memory_growth(diary.entries)
    if growth >= MOST_MEMORY_GROWTH:
        found.append(f"memory grew by {growth:.1%}")
    for name, (early, late) in settled_sizes(diary.entries).items():
        if late.low > SMALL_BYTES and late.low > early.high * (1 + MOST_SIZE_GROWTH):
            found.append(f"{name} grew from {early} to {late} after its retention")
    return found


def memory_growth(entries: Sequence[Entry]) -> float:
    """Give the largest growth in a session, as a share: the median of its last laps against its first warm ones."""
    worst = 0.0
    for _, laps in groupby(entries, key=lambda entry: entry.session):
        own = [sum(entry.own_bytes) for entry in laps][WARM_UP_LAPS:]
        if len(own) >= 2 * WARM_UP_LAPS:
            worst = max(worst, median(own[-WARM_UP_LAPS:]) / median(own[:WARM_UP_LAPS]) - 1)
    return worst


@dataclass(frozen=True, slots=True)
class Swing:
    """Between which sizes something swings, in bytes: a day lasts seconds here, and vacuum comes every few days."""

    low: int
    high: int

    def __str__(self) -> str:
        """Give both ends in megabytes."""
        return f"{self.low / 2**20:.0f} to {self.high / 2**20:.0f} MB"


def settled_sizes(entries: Sequence[Entry]) -> Mapping[str, tuple[Swing, Swing]]:
    """Compare tables and indexes when they have just settled with the end: what grows leaves its early swing behind."""
    if len(entries) < SETTLED_DAYS + LATE_DAYS:
        return {}
    early, late = entries[SETTLED_DAYS : SETTLED_DAYS + EARLY_DAYS], entries[-LATE_DAYS:]
    return {
        f"{table} {part}": (_swing(early, table, f"{part}_bytes"), _swing(late, table, f"{part}_bytes"))
        for table in late[0].sizes
        for part in ("table", "index")
    }


def summary(diary: Diary) -> Mapping[str, Any]:
    """Give the figures of a soak, for people."""
    entries = diary.entries
    last = entries[-1]
    figures: dict[str, Any] = {
        "operations": f"{diary.operations:,}",
        "days of the database's clock": len(entries),
        "sessions": last.session,
        "failed operations": sum(entry.failed for entry in entries),
        "growth of a worker's memory": f"{memory_growth(entries):.1%}",
        "memory of a worker's own": f"{median(last.own_bytes) / 2**20:.1f} MB",
        "operations a second": round(diary.operations / sum(entry.seconds for entry in entries)),
    }
    for name, (early, late) in settled_sizes(entries).items():
        if late.high > SMALL_BYTES:
            figures[f"{name} after {SETTLED_DAYS} days; in the last {LATE_DAYS}"] = f"{early}; {late}"
    return figures


def _swing(entries: Sequence[Entry], table: str, part: str) -> Swing:
    sizes = [entry.sizes[table][part] for entry in entries]
    return Swing(min(sizes), max(sizes))
