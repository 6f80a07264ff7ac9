"""What grew in a soak: memory of warm workers, and tables once retention removes as much as comes."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Any

from tests.soak.diary import Diary, Entry

MOST_MEMORY_GROWTH = 0.05
WARM_UP_LAPS = 3
SETTLED_DAYS = 45
"""Allocations are kept for 30 days; by then every table has seen rows leave, and its space used again."""
MOST_SIZE_GROWTH = 0.30
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
        if late > SMALL_BYTES and late > early * (1 + MOST_SIZE_GROWTH):
            found.append(f"{name} grew from {early:,} to {late:,} bytes after its retention")
    return found


def memory_growth(entries: Sequence[Entry]) -> float:
    """Give the largest growth in a session, as a share: the median of its last laps against its first warm ones."""
    worst = 0.0
    for _, laps in groupby(entries, key=lambda entry: entry.session):
        own = [sum(entry.own_bytes) for entry in laps][WARM_UP_LAPS:]
        if len(own) >= 2 * WARM_UP_LAPS:
            worst = max(worst, median(own[-WARM_UP_LAPS:]) / median(own[:WARM_UP_LAPS]) - 1)
    return worst


def settled_sizes(entries: Sequence[Entry]) -> Mapping[str, tuple[int, int]]:
    """Compare tables and indexes just settled with now: bytes by name, median of some laps each."""
    if len(entries) < SETTLED_DAYS + 2 * WARM_UP_LAPS:
        return {}
    early, late = entries[SETTLED_DAYS : SETTLED_DAYS + WARM_UP_LAPS], entries[-WARM_UP_LAPS:]
    return {
        f"{table} {part}": (_median(early, table, f"{part}_bytes"), _median(late, table, f"{part}_bytes"))
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
        if late > SMALL_BYTES:
            figures[f"{name} after {SETTLED_DAYS} days and at the end"] = (
                f"{early / 2**20:.0f} MB, {late / 2**20:.0f} MB"
            )
    return figures


def _median(entries: Sequence[Entry], table: str, part: str) -> int:
    return int(median(entry.sizes[table][part] for entry in entries))
