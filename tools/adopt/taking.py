"""Row by row from the other system to this one. What is there already stays: one that broke off is run again."""

from collections.abc import Callable, Iterable, Sequence
from itertools import batched

from tools.adopt.devices import Read
from tools.adopt.rows import Allocation, Unfit, judged
from tools.adopt.source import Row
from tools.adopt.tally import Tally
from tools.adopt.target import Columns, Known, Target

BATCH = 100

type Tell = Callable[[int], None]
"""Told how many rows have been read."""


class Taking:
    """Takes devices first, then what was lent."""

    def __init__(self, target: Target, known: Known, tally: Tally) -> None:
        """Take into a target."""
        self._target, self._known, self._tally = target, known, tally

    def devices(self, found: Iterable[Read], tell: Tell) -> None:
        """Add the devices that can be; one that is named twice comes once."""
        seen: set[str] = set()
        for batch in batched(found, BATCH, strict=False):
            fitting: list[Columns] = []
            for device_id, columns in batch:
                if isinstance(columns, str):
                    self._tally.refuse("devices", device_id, columns)
                elif device_id in seen:
                    self._tally.refuse("devices", device_id, "its id is there twice")
                else:
                    seen.add(device_id)
                    fitting.append(columns)
            added = self._target.add_devices(fitting)
            self._tally.add("devices", "added", added)
            self._tally.add("devices", "present", len(fitting) - added)
            tell(len(batch))

    def allocations(self, pages: Iterable[Sequence[Row]], tell: Tell, *, ended_only: bool) -> None:
        """Add the past in batches, and what is active one by one."""
        for page in pages:
            fitting = [allocation for row in page if (allocation := self._judged(row))]
            there = self._known.allocations([allocation.id for allocation in fitting])
            for allocation in fitting:
                if allocation.id in there:
                    self._tally.add(_kind(allocation), "present")
            coming = [allocation for allocation in fitting if allocation.id not in there]
            self._past([allocation for allocation in coming if not allocation.is_active])
            for allocation in coming:
                if allocation.is_active and not ended_only:
                    self._active(allocation)
            tell(sum(1 for row in page if not ended_only or row["status"] != "allocated"))

    def _judged(self, row: Row) -> Allocation | None:
        try:
            return judged(row)
        except Unfit as reason:
            self._tally.refuse("active" if row["status"] == "allocated" else "history", str(row["id"]), str(reason))
            return None

    def _past(self, rows: Sequence[Allocation]) -> None:
        added = self._target.add_history(rows)
        self._tally.add("history", "added", added)
        self._tally.add("history", "present", len(rows) - added)
        self._tally.computed += sum(allocation.is_computed for allocation in rows)

    def _active(self, allocation: Allocation) -> None:
        refusal = self._target.adopt(allocation)
        if refusal:
            self._tally.refuse("active", allocation.id, refusal)
        else:
            self._tally.add("active", "added")


def _kind(allocation: Allocation) -> str:
    return "active" if allocation.is_active else "history"
