"""What a service was told, each thing once."""

import threading
from collections.abc import Mapping
from typing import Any


class Applied:
    """Entries in the order in which they came, one for each key; safe to use from many threads."""

    def __init__(self, *, forgetful: bool = False) -> None:
        """Begin empty. A forgetful one applies again what comes again."""
        self._lock = threading.Lock()
        self._forgetful = forgetful
        self._keys: set[str] = set()
        self._entries: list[Mapping[str, Any]] = []
        self._repeated = 0

    def add(self, key: str, entry: Mapping[str, Any]) -> bool:
        """Keep an entry unless one with this key was kept; tell whether it was new."""
        with self._lock:
            if key in self._keys:
                self._repeated += 1
                if not self._forgetful:
                    return False
            self._keys.add(key)
            self._entries.append({"key": key, **entry})
            return True

    def all(self) -> dict[str, Any]:
        """Return what was applied, in order, and how many came again."""
        with self._lock:
            return {"applied": list(self._entries), "repeated": self._repeated}
