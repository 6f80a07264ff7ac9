"""What the use cases need of the outside world."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from scheduler.domain.model import (
    Allocation,
    AllocationFilter,
    AllocationRequest,
    AllocationTotals,
    AvailableFilter,
    AvailablePage,
    EndedAllocation,
    ReleaseRequest,
    RequestKey,
    User,
)
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaDocument, QuotaTerms

if TYPE_CHECKING:  # few functions audit or relay
    from scheduler.domain.audit import Border, Finding, FullRun, Invariant, Slice
    from scheduler.domain.events import Backlog, OutboxEvent


class AllocationStore(Protocol):
    """Where allocations live and races are decided. Each method is one transaction."""

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Lend the best free device that fits, or say why not."""

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """End overdue allocations that stand in the request's way."""

    def release(self, request: ReleaseRequest) -> Facts:
        """End the allocation that the request means."""

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """End up to `limit` overdue allocations."""

    def delete_ended(self, retention_days: int, limit: int) -> int:
        """Delete up to `limit` allocations that ended long ago; tell how many."""


class AllocationReader(Protocol):
    """Where allocations are looked up."""

    def find(self, allocation_id: str, tenant_id: str | None, user_id: str | None) -> Allocation | None:
        """Find one allocation of the tenant and user (None: any), with its device's address while active."""

    def page(self, wanted: AllocationFilter) -> Sequence[Allocation]:
        """List one more than `wanted.limit`, newest first, so that the caller knows whether more follow."""

    def totals(self, tenant_id: str | None) -> AllocationTotals:
        """Sum the running totals of a tenant, or of all."""


class DeviceStore(Protocol):
    """Where the fleet lives."""

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        """List the devices that may be lent now, by id."""

    def register(self, devices: Sequence[Mapping[str, Any]], key: RequestKey | None) -> Facts:
        """Add devices, all or none."""

    def change(self, device_id: str, changes: Mapping[str, Any]) -> Facts:
        """Change the named fields of a device."""


class QuotaSource(Protocol):
    """Where a user's limits come from: the built-in plans or the user service."""

    def document(self, user: User) -> QuotaDocument:
        """Read the user's quota.

        Raises:
            QuotaServiceUnavailable: It cannot be read now.
        """


class Admission(Protocol):
    """One request that holds its place in line."""

    @property
    def quota(self) -> QuotaDocument | None:
        """The user's cached quota document, when there is one."""

    def fleet_changed(self) -> None:
        """Have the list of available devices evicted on the way out: a device was lent, freed or changed."""


class Gate(Protocol):
    """Keeps requests that would race in line, and spares quota reads. Never needed for a right answer."""

    def admit_user(self, user: User) -> AbstractContextManager[Admission]:
        """Hold the user's lock.

        Raises:
            UserBusy: Another request held it for longer than the wait.
        """

    def admit_device(self, device_id: str) -> AbstractContextManager[Admission]:
        """Hold the device's lock.

        Raises:
            UserBusy: Another request held it for longer than the wait.
        """

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        """Keep a document for the user's next requests."""

    def forget_quota(self, user: User) -> None:
        """Drop the kept document: there is a newer one."""


class AvailableCache(Protocol):
    """Keeps pages of the available list for a few seconds."""

    def read(self, wanted: AvailableFilter) -> tuple[AvailablePage | None, int]:
        """Give the kept page, if any, and the generation to store a fresh one under."""

    def store(self, wanted: AvailableFilter, page: AvailablePage, generation: int) -> None:
        """Keep a page unless the list was evicted since `generation` was read."""

    def evict(self) -> None:
        """Forget all pages, because a device was lent, freed or changed."""


class EventPublisher(Protocol):
    """Where events go."""

    def publish(self, events: "Sequence[OutboxEvent]") -> Collection[int]:
        """Publish up to ten events of different groups; give the positions of those that went out.

        Called by several threads at once; comes back within seconds, whatever happens.
        """


class OutboxStore(Protocol):
    """Where events wait."""

    def acquire_lease(self, holder: str, seconds: float) -> bool:
        """Become or stay the one relay."""

    def oldest(self, limit: int, without: Collection[str] = ()) -> "Sequence[OutboxEvent]":
        """Read the oldest events that are not published, without those of some groups."""

    def mark_published(self, positions: Sequence[int]) -> None:
        """Mark events as published."""


class BacklogStore(Protocol):
    """Where events wait, for those who only watch."""

    def backlog(self) -> "Backlog":
        """Tell what waits.

        Raises:
            Unavailable: Postgres does not answer.
        """


class CircuitBook(Protocol):
    """Where the states of circuits are kept for all functions."""

    def states(self) -> Mapping[str, str]:
        """Tell each circuit's state by its name (closed, open, half_open); none when they cannot be asked."""


class UsageReporter(Protocol):
    """Where usage is told to the user service."""

    def report(self, user: User, usage: Mapping[str, Any], idempotency_key: str) -> None:
        """Tell one increment or decrement.

        Raises:
            Unavailable: It could not be told; tell it again.
        """


class Inbox(Protocol):
    """Which events a consumer has applied."""

    def has(self, consumer: str, event_id: str) -> bool:
        """Tell whether the event was applied."""

    def add(self, consumer: str, event_id: str) -> None:
        """Remember that it was."""


class KeyStore(Protocol):
    """Answers kept under idempotency keys, for work of many small transactions."""

    def kept(self, key: RequestKey) -> Facts | None:
        """Give the answer kept under the key, if any."""

    def keep(self, key: RequestKey, facts: Facts) -> Facts:
        """Keep an answer, unless one is kept already; give the one that is."""


class Upkeep(Protocol):
    """What the hourly and daily jobs read and remove."""

    def take_statistics(self) -> Mapping[str, Any]:
        """Count the fleet and keep one row a full hour."""

    def delete_spent(self, limit: int) -> int:
        """Delete up to `limit` of each kind of row that has done its work; tell how many."""

    def delete_usage_records(self, retention_days: int, limit: int, *, told_only: bool) -> int:
        """Delete up to `limit` records of usage that ended long ago, of those acknowledged or of all; tell how many."""

    def delete_past_reservations(self, retention_days: int, limit: int) -> int:
        """Delete up to `limit` reservations that have ended and lie further back; tell how many."""

    def delete_old_notices(self, days: int, limit: int) -> int:
        """Delete up to `limit` notices that are older; tell how many."""

    def delete_acts(self, days: int, limit: int) -> int:
        """Delete up to `limit` entries of the audit log that are older, by 30 days at least; tell how many."""


class SliceTooLarge(Exception):
    """A slice took longer than a statement may; ask for fewer rows."""


class AuditStore(Protocol):
    """Where the invariants are checked. Each method is one or a few short statements."""

    def walks(self) -> "Mapping[str, Collection[Invariant]]":
        """Name the orders in which rows can be walked, and the invariants that each tells about."""

    def examine_now(self) -> "Sequence[Finding]":
        """Run the checks that look at the present only.

        Raises:
            Unavailable: The database is away, or too slow for them.
        """

    def next_slice(self, walk: str, below: "Border | None", rows: int, hours: int | None) -> "Slice":
        """Find the next `rows` rows below a border; one that reaches back `hours` is the last.

        Raises:
            SliceTooLarge: It took too long.
        """

    def examine(self, walk: str, part: "Slice") -> "Iterator[Finding]":
        """Run the checks of a walk on one slice, each when its finding is asked for.

        Raises:
            SliceTooLarge: It took too long.
        """

    def resume_run(self) -> "FullRun":
        """Give the full run that has not ended, or begin one."""

    def save_run(self, run: "FullRun") -> bool:
        """Keep how far a run is; it has ended when all is walked. False: another one saved it meanwhile."""

    def last_full_run(self) -> "FullRun | None":
        """Give the last full run that ended."""


class Meter(Protocol):
    """Where figures for dashboards and alarms go."""

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""

    def observe(self, name: str, value: float, unit: str) -> None:
        """Note a measured value; unit as CloudWatch names it: Seconds, Milliseconds, Percent, Count."""


class Probe(Protocol):
    """One dependency that can be asked whether it answers."""

    name: str
    vital: bool

    def answers(self) -> bool:
        """Tell whether it does; within a second or two."""
