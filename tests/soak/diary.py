"""What was measured after each lap, kept in a file so that a soak can be stopped and go on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A lap: operations, failures, seconds, memory of each worker's own, and sizes of tables and indexes after it."""

    session: int
    operations: int
    failed: int
    seconds: float
    own_bytes: list[int]
    sizes: Mapping[str, Mapping[str, int]]


class Diary:
    """All laps, of all sessions."""

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        self._path = path
        kept: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        self.entries = [Entry(**entry) for entry in kept]
        self._session = 0

    def begin_session(self) -> int:
        """Number a new session: its workers start with fresh memory."""
        self._session = 1 + max((entry.session for entry in self.entries), default=0)
        return self._session

    @property
    def operations(self) -> int:
        """All operations so far."""
        return sum(entry.operations for entry in self.entries)

    def note(self, lap: Mapping[str, Any]) -> None:
        """Keep one lap, at once."""
        self.entries.append(Entry(session=self._session, **lap))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps([asdict(entry) for entry in self.entries]))
        draft.replace(self._path)
