"""What must hold at every instant, and what an audit of the rows says about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_ROWS = 20
"""So many offending rows are named a check; the count tells of all."""


class Invariant(StrEnum):
    """The promises that rows can prove."""

    ONE_HOLDER = "I1"
    EXACT_QUOTA = "I2"
    ONE_EVENT = "I3"
    ORDERED_EVENTS = "I4"
    RISING_FENCE = "I5"
    ONE_EFFECT = "I6"
    OWN_TENANT = "I7"
    ENDS_IN_TIME = "I8"
    BOUNDED_WAIT = "I9"
    SHORT_TRANSACTIONS = "I10"


STATEMENTS: Mapping[Invariant, str] = {
    Invariant.ONE_HOLDER: "A device has at most one active allocation, its row names it and the next reservation, and "
    "its holds overlap neither each other nor a reservation.",
    Invariant.EXACT_QUOTA: "A user's used quota is the sum over her active allocations, the running totals "
    "agree, and what ended is billed once, to the second.",
    Invariant.ONE_EVENT: "Every grant, renewal and end, and every state of a reservation or a wait, has one event, and "
    "every event what it tells of; none waits for long.",
    Invariant.ORDERED_EVENTS: "The events of a device are published in the order in which they happened.",
    Invariant.RISING_FENCE: "The fencing tokens of a device strictly increase.",
    Invariant.ONE_EFFECT: "An idempotency key has one answer and one effect, and no two renewals merge.",
    Invariant.OWN_TENANT: "An event, and an answer kept under a key, belong to the tenant of their allocation.",
    Invariant.ENDS_IN_TIME: "An overdue allocation is ended, and a due reservation served or given up, within the "
    "schedule's period and 30 seconds.",
    Invariant.BOUNDED_WAIT: "No wait lasts beyond its time, no free device passes over a waiter who could have it, "
    "and a fulfilled wait ended with her allocation.",
    Invariant.SHORT_TRANSACTIONS: "No transaction or lock wait lasts 10 seconds; sessions stay within their budget.",
}

type Border = tuple[str, ...]
"""The key of a row, as text: where a slice begins or ends."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one walk from `low` on (None: from the first) and below `high` (None: up to the last).

    `reached` is the time of the lowest row, where rows have one; nothing is left to walk below the `last` slice.
    """

    low: Border | None
    high: Border | None
    reached: datetime | None
    last: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: how many rows offend, and the first of them, by ids only."""

    check: str
    invariant: Invariant
    count: int
    rows: tuple[Mapping[str, Any], ...] = ()

    def and_also(self, other: "Finding") -> "Finding":
        """Add what the same check found in another slice."""
        return replace(self, count=self.count + other.count, rows=(self.rows + other.rows)[:MAX_ROWS])


@dataclass(frozen=True, slots=True)
class Walk:
    """How far one order of rows has been walked, from the newest or last row down."""

    border: Border | None = None
    reached: datetime | None = None
    complete: bool = False

    def past(self, part: Slice) -> "Walk":
        """Give where it stands after this slice."""
        return Walk(part.low, part.reached or self.reached, part.last)


@dataclass(slots=True)
class Progress:
    """What has been walked and found so far."""

    walks: dict[str, Walk] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to walk."""
        return all(walk.complete for walk in self.walks.values())

    @property
    def violations(self) -> int:
        """How many rows offend."""
        return sum(finding.count for finding in self.findings.values())

    def replace(self, findings: Iterable[Finding]) -> None:
        """Take these findings for what those checks found before: they look at all there is."""
        self.findings |= {finding.check: finding for finding in findings}

    def add(self, findings: Iterable[Finding]) -> None:
        """Add what a slice had to show."""
        for finding in findings:
            before = self.findings.get(finding.check)
            self.findings[finding.check] = before.and_also(finding) if before else finding


@dataclass(slots=True)
class FullRun:
    """A walk over everything, which may take several invocations; `version` counts the saves."""

    id: int
    version: int
    started_at: datetime
    ended_at: datetime | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant: whether it holds in what was looked at.

    Not `complete`: time ran out; rows older than `checked_from`, or some live rows, were not looked at.
    """

    invariant: Invariant
    findings: tuple[Finding, ...]
    complete: bool
    checked_from: datetime | None

    @property
    def holds(self) -> bool:
        """Whether no row offends."""
        return not any(finding.count for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Audit:
    """Each invariant as of now, and the last full run that ended."""

    verdicts: tuple[Verdict, ...]
    last_full_run: FullRun | None

    @property
    def holds(self) -> bool:
        """Whether all hold."""
        return all(verdict.holds for verdict in self.verdicts)


def verdicts(progress: Progress, told_by: Mapping[str, Iterable[Invariant]]) -> tuple[Verdict, ...]:
    """Say what was found as one verdict an invariant; `told_by` names what each walk tells about."""
    found = []
    for invariant in Invariant:
        walks = [progress.walks.get(name, Walk()) for name, told in told_by.items() if invariant in told]
        reached = [walk.reached for walk in walks if walk.reached]
        found.append(
            Verdict(
                invariant,
                tuple(finding for finding in progress.findings.values() if finding.invariant is invariant),
                complete=all(walk.complete for walk in walks),
                checked_from=max(reached, default=None),
            )
        )
    return tuple(found)
