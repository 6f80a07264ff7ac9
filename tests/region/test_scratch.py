"""What lives no longer than a test run leaves nothing behind, even when the run is killed."""

import os
from pathlib import Path

import psutil
import pytest

from tools.embedded import scratch
from tools.embedded.scratch import scratch_folder


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A place that stands for the machine's memory."""
    monkeypatch.setattr(scratch, "_MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "_ROOM", 0)
    return tmp_path


def test_what_a_dead_process_left_is_deleted_and_nothing_else(memory: Path) -> None:
    dead = next(pid for pid in range(2**21, 2**22) if not psutil.pid_exists(pid))
    left = memory / f"scheduler-postgres-{dead}-abc"
    others = [memory / f"scheduler-postgres-{os.getpid()}-abc", memory / "scheduler-notes", memory / "else"]
    for folder in (left, *others):
        folder.mkdir()

    made = scratch_folder("postgres")

    assert not left.exists()
    assert all(folder.exists() for folder in (made, *others))
    assert made.parent == memory


def test_without_room_in_memory_it_is_on_disk(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_ROOM", 2**62)

    made = scratch_folder("postgres")
    made.rmdir()

    assert memory not in made.parents
