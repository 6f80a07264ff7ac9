"""What billing needs of the outside world."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from scheduler.domain.billing import UsageFilter, UsageLine, UsageRecord
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts
from scheduler.domain.reconciliation import Part, Reconciliation, Untold


class BalanceSource(Protocol):
    """Where it is asked whether users can pay."""

    def refusals(self, users: Collection[User]) -> Mapping[User, Facts]:
        """Tell to whom nothing may be lent now, each with the outcome that says why, in the time of one."""


class Metering(Protocol):
    """Where it is told what is billed."""

    def tell(self, record: UsageRecord) -> None:
        """Tell one record, under its key.

        Raises:
            Unavailable: It could not be told; tell it again.
        """


class UsageRecords(Protocol):
    """Where what is billed is kept."""

    def untold(self, allocation_id: str) -> Sequence[UsageRecord]:
        """List records of an allocation that nobody acknowledged, the first hundred."""

    def mark_told(self, record: UsageRecord) -> None:
        """Note that a record was acknowledged."""


class UsageReports(Protocol):
    """Where what is billed is added up."""

    def now(self) -> datetime:
        """Tell what time it is for the database."""

    def page(self, wanted: UsageFilter) -> Sequence[UsageLine]:
        """Add up one more line than `wanted.limit`, so that the caller knows whether more follow.

        Raises:
            ValidationFailed: The period holds more than can be added up at once.
        """


class ReconciliationStore(Protocol):
    """Where records are held against allocations. Each method is one short statement."""

    def resume(self) -> Reconciliation:
        """Give the walk that has not ended, or begin one."""

    def examine(self, run: Reconciliation, rows: int) -> Part:
        """Examine the next rows of a walk.

        Raises:
            SliceTooLarge: It took too long.
        """

    def save(self, run: Reconciliation) -> Reconciliation | None:
        """Keep how far a walk is. None: another one saved it meanwhile."""

    def last_count(self) -> int:
        """Tell how many mismatches the last walk that ended has found."""

    def untold(self, hours: int) -> Untold:
        """Count records that have waited longer to be told."""
