"""What a soak finds: growth is found, and nothing else is taken for growth."""

from pathlib import Path
from typing import Any

import pytest

from tests.soak.diary import Diary
from tests.soak.findings import findings, memory_growth, summary

MEGABYTE = 2**20
LAPS = 110


def diary(path: Path, own: Any = None, table: Any = None, failed: int = 0) -> Diary:
    """Laps whose memory and table size are functions of the lap's number, in megabytes."""
    kept = Diary(path / "diary.json")
    kept.begin_session()
    for lap in range(LAPS):
        size = {"table_bytes": (table or (lambda _: 40))(lap) * MEGABYTE, "index_bytes": MEGABYTE, "live": 1, "dead": 0}
        bytes_ = int((own or (lambda _: 50))(lap) * MEGABYTE)
        kept.note(
            {"operations": 100, "failed": failed, "seconds": 1.0, "own_bytes": [bytes_], "sizes": {"outbox": size}}
        )
    return kept


def test_what_stays_the_same_is_no_finding(tmp_path: Path) -> None:
    assert findings(diary(tmp_path)) == []


def test_memory_that_creeps_up_is_found(tmp_path: Path) -> None:
    assert findings(diary(tmp_path, own=lambda lap: 50 + lap / 10)) == ["memory grew by 20.6%"]


def test_memory_of_the_first_laps_is_warming_up(tmp_path: Path) -> None:
    assert findings(diary(tmp_path, own=lambda lap: 50 if lap else 20)) == []


def test_a_new_session_begins_with_memory_of_its_own(tmp_path: Path) -> None:
    first = diary(tmp_path, own=lambda _: 50)
    second = Diary(tmp_path / "diary.json")
    second.begin_session()
    for entry in first.entries[:10]:
        second.note({"operations": 1, "failed": 0, "seconds": 1.0, "own_bytes": [90 * MEGABYTE], "sizes": entry.sizes})

    assert memory_growth(second.entries) == 0
    assert second.entries[-1].session == 2


@pytest.mark.parametrize(("late", "found"), [(41, 0), (60, 1)])
def test_a_table_that_grows_after_its_retention_is_found(tmp_path: Path, late: int, found: int) -> None:
    grown = diary(tmp_path, table=lambda lap: 40 if lap < 75 else late)

    assert len(findings(grown)) == found


def test_a_table_that_swings_is_no_finding(tmp_path: Path) -> None:
    assert findings(diary(tmp_path, table=lambda lap: 40 + 20 * (lap % 7 == 0))) == []


def test_failures_are_found(tmp_path: Path) -> None:
    assert findings(diary(tmp_path, failed=1)) == [f"{LAPS} operations failed"]


def test_the_summary_counts_all_sessions(tmp_path: Path) -> None:
    assert summary(diary(tmp_path))["operations"] == "11,000"
