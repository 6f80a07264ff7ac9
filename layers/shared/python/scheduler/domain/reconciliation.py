"""Whether the records are the allocations: what a walk over both has found."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

MOST_NAMED = 20
"""So many offending allocations are named; the count tells of all."""


class Walk(StrEnum):
    """The orders in which rows are walked: each ended allocation against its records, then each record back."""

    ENDS = "ends"
    RECORDS = "records"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An allocation whose records are not what they must be, and why."""

    allocation_id: str
    fault: str


@dataclass(frozen=True, slots=True)
class Part:
    """What some rows of a walk had to show. `border`: time and allocation of the last row; None: there was none."""

    border: tuple[datetime, str] | None
    examined: int
    count: int
    mismatches: tuple[Mismatch, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A walk over all that ended before it began, which may take several invocations; `version` counts the saves."""

    id: int
    version: int
    started_at: datetime
    walk: Walk | None = Walk.ENDS
    border: tuple[datetime, str] | None = None
    examined: int = 0
    count: int = 0
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to walk."""
        return self.walk is None

    def past(self, part: Part) -> "Reconciliation":
        """Give how it stands after this part."""
        following = Walk.RECORDS if self.walk is Walk.ENDS else None
        return replace(
            self,
            walk=following if part.last else self.walk,
            border=None if part.last else part.border,
            examined=self.examined + part.examined,
            count=self.count + part.count,
            mismatches=(self.mismatches + part.mismatches)[:MOST_NAMED],
        )


@dataclass(frozen=True, slots=True)
class Untold:
    """Records that the billing service should have acknowledged: how many, as far as was counted, and the oldest."""

    count: int
    allocation_ids: tuple[str, ...] = ()
