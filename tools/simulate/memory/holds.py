"""Which device is kept for which waiter, and which of these holds may have become useless."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.simulate.memory.fleet import MemoryDevice


class Holds:
    """Kept devices, by the entry that each is kept for. Only what has changed is looked at again."""

    def __init__(self) -> None:
        """Keep none."""
        self._kept: dict[str, tuple[int, MemoryDevice]] = {}
        self._idle: dict[str, MemoryDevice] = {}
        self._suspect: set[str] = set()
        self._count = 0

    def __contains__(self, entry_id: str) -> bool:
        """Tell whether one is kept for a waiter."""
        return entry_id in self._kept

    def device_of(self, entry_id: str) -> "MemoryDevice | None":
        """Give what is kept for a waiter."""
        found = self._kept.get(entry_id)
        return found[1] if found else None

    def keep(self, device: "MemoryDevice", entry_id: str) -> None:
        """Keep a device for a waiter."""
        self._count += 1
        self._kept[entry_id] = self._count, device
        device.held_for = entry_id
        self.note(device)

    def drop(self, entry_id: str) -> "MemoryDevice | None":
        """Keep nothing for a waiter any longer; give what was kept."""
        kept = self._kept.pop(entry_id, None)
        self._idle.pop(entry_id, None)
        self._suspect.discard(entry_id)
        if kept is None:
            return None
        kept[1].held_for = None
        return kept[1]

    def note(self, device: "MemoryDevice") -> None:
        """See that a kept device has changed."""
        if (entry := device.held_for) is None:
            return
        self._suspect.add(entry)
        if device.active is None:
            self._idle[entry] = device
        else:
            self._idle.pop(entry, None)

    def suspect(self, entry_id: str) -> None:
        """See that a waiter has changed."""
        if entry_id in self._kept:
            self._suspect.add(entry_id)

    def clear(self, entry_id: str) -> None:
        """Trust a hold until something changes."""
        self._suspect.discard(entry_id)

    def suspects(self) -> Sequence[tuple[str, "MemoryDevice"]]:
        """Give the holds that may have become useless, the oldest first."""
        found = sorted(self._suspect, key=lambda entry: self._kept[entry][0])
        return [(entry, self._kept[entry][1]) for entry in found]

    def idle(self) -> Mapping[str, "MemoryDevice"]:
        """Give kept devices that are not lent, by the entry."""
        return self._idle
