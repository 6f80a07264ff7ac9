"""Postgres and the model side by side: every call goes to both, and both must tell the same."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.domain.events import OutboxEvent
from scheduler.domain.model import (
    AllocationFilter,
    AllocationRequest,
    AvailableFilter,
    AvailablePage,
    EndedAllocation,
    ReleaseRequest,
    RequestKey,
    User,
)
from scheduler.domain.outcome import Facts
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import QuotaDocument, QuotaTerms
from scheduler.domain.renewal import RenewalRequest, RenewalTerms
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.devices import MemoryDevices
from tools.simulate.memory.fleet import MemoryDevice, Size, Wish
from tools.simulate.memory.renewals import MemoryRenewals

PUBLISHED_FOR = timedelta(days=7)
DEFAULT_PLAN = "pro"


class Follower(MemoryAllocations):
    """The model, which lends what Postgres lent: among equals either may choose."""

    lent: str | None = None

    def choose(self, user: User, wish: Wish, most: Size, until: datetime) -> MemoryDevice | None:
        """Give the one that Postgres lent: free, fitting, with the score and the size of the model's own choice."""
        best = super().choose(user, wish, most, until)
        if best is None:
            return None
        lent = self.fleet.devices.get(self.lent or "")
        is_right = lent and lent.is_free and lent.spec in wish.classes and lent.kind.is_within(most)
        is_right = is_right and lent and (lent.score, lent.size) == (best.score, best.size)
        assert is_right, f"Postgres lent {self.lent}, the model would lend {best.id}"
        return lent


class Twin:
    """Every store of the use cases at once. Where the claim has a choice, the model follows the real one."""

    def __init__(self, database: Database, now: datetime) -> None:
        """Begin with an empty database and an empty model."""
        self.model = Follower()
        self.model.now = now
        self.documents: dict[User, QuotaDocument] = {}
        self._devices, self._renewed = MemoryDevices(self.model), MemoryRenewals(self.model)
        self._allocations, self._fleet = PostgresAllocations(database), PostgresDevices(database)
        self._renewals = PostgresRenewals(database)
        self._outbox, self._keys, self._upkeep = (
            PostgresOutbox(database),
            PostgresKeys(database),
            PostgresUpkeep(database),
        )
        self._quotas = BuiltInQuotas(database, DEFAULT_PLAN)

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Claim from both; the model may grant only what was granted, and only if it is free and fits."""
        facts = self._allocations.claim(request, terms, last_attempt=last_attempt)
        self.model.lent = facts.get("deviceId")
        self.model.new_id = lambda: str(facts["allocationId"])
        return _same(_decided(facts), self.model.claim(request, terms, last_attempt=last_attempt))

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """Reap both."""
        return _same(self._allocations.reap(request), self.model.reap(request))

    def release(self, request: ReleaseRequest) -> Facts:
        """Release from both."""
        return _same(self._allocations.release(request), self.model.release(request))

    def owner(self, allocation_id: str, tenant_id: str | None) -> User | None:
        """Look a holder up in both."""
        return _same(self._renewals.owner(allocation_id, tenant_id), self._renewed.owner(allocation_id, tenant_id))

    def renew(self, request: RenewalRequest, terms: RenewalTerms) -> Facts:
        """Renew in both."""
        return _same(self._renewals.renew(request, terms), self._renewed.renew(request, terms))

    def outlook(
        self, allocation_id: str, tenant_id: str | None, user_id: str | None, terms: RenewalTerms
    ) -> Facts | None:
        """Look ahead in both."""
        asked = (allocation_id, tenant_id, user_id, terms)
        return _same(self._renewals.outlook(*asked), self._renewed.outlook(*asked))

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """Expire both."""
        return _same(self._allocations.expire_due(limit), self.model.expire_due(limit))

    def delete_ended(self, retention_days: int, limit: int) -> int:
        """Clean both."""
        deleted = self._allocations.delete_ended(retention_days, limit)
        return _same(deleted, self.model.delete_ended(retention_days, limit))

    def delete_spent(self, limit: int) -> int:
        """Clean both of events and keys."""
        spent = {id(e) for e in self.model.events if e.published_at and e.published_at < self.model.now - PUBLISHED_FOR}
        self.model.events = [event for event in self.model.events if id(event) not in spent]
        return _same(self._upkeep.delete_spent(limit), len(spent) + self.model.keys.delete_old(self.model.now))

    def delete_usage_records(self, retention_days: int, limit: int, *, told_only: bool) -> int:
        """Clean Postgres of records, which the model has not."""
        return self._upkeep.delete_usage_records(retention_days, limit, told_only=told_only)

    def delete_past_reservations(self, retention_days: int, limit: int) -> int:
        """Clean both of reservations, of which there are none."""
        return _same(self._upkeep.delete_past_reservations(retention_days, limit), 0)

    def delete_old_notices(self, days: int, limit: int) -> int:
        """Delete what users were told; here nobody is told anything."""
        return _same(self._upkeep.delete_old_notices(days, limit), 0)

    def delete_acts(self, days: int, limit: int) -> int:
        """Delete what operators did; here they do nothing."""
        return _same(self._upkeep.delete_acts(days, limit), 0)

    def document(self, user: User) -> QuotaDocument:
        """Read a quota, which must be the one that was set."""
        return _same(self._quotas.document(user), self.documents.get(user) or plan_document(DEFAULT_PLAN))

    def register(self, devices: Sequence[Mapping[str, Any]], key: RequestKey | None) -> Facts:
        """Add devices to both."""
        return _same(self._fleet.register(devices, key), self._devices.register(devices, key))

    def change(self, device_id: str, changes: Mapping[str, Any]) -> Facts:
        """Change a device of both."""
        return _same(self._fleet.change(device_id, changes), self._devices.change(device_id, changes))

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        """List the free devices of both."""
        return _same(self._fleet.available(wanted), self._devices.available(wanted))

    def kept(self, key: RequestKey) -> Facts | None:
        """Look a key up in both."""
        return _same(self._keys.kept(key), self.model.keys.kept(key, self.model.now))

    def keep(self, key: RequestKey, facts: Facts) -> Facts:
        """Keep an answer in both."""
        return _same(self._keys.keep(key, facts), self.model.keys.keep(key, self.model.now, facts))

    def oldest(self, limit: int, without: Collection[str] = ()) -> Sequence[OutboxEvent]:
        """Read the oldest events of both, in order."""
        events = self._outbox.oldest(limit, without)
        waiting = [e for e in self.model.events if not e.published_at and e.group_id not in without][:limit]
        _same([(e.type, e.subject, e.data) for e in events], [(e.type, e.subject, e.data) for e in waiting])
        return events

    def mark_published(self, positions: Sequence[int]) -> None:
        """Mark events of both; without cleaning, an event's position is its place in the model's list."""
        waiting = {event.position: index for index, event in enumerate(self._outbox.oldest(len(self.model.events)))}
        unpublished = [event for event in self.model.events if not event.published_at]
        for position in positions:
            unpublished[waiting[position]].published_at = self.model.now
        self._outbox.mark_published(positions)

    def page(self, wanted: AllocationFilter) -> list[str]:
        """List allocations of both, newest first."""
        matching = [
            a
            for a in self.model.allocations
            if wanted.tenant_id in {None, a.user.tenant_id}
            and wanted.user_id in {None, a.user.user_id}
            and wanted.device_id in {None, a.device.id}
            and wanted.status in {None, a.status}
        ]
        newest = sorted(matching, key=lambda a: (a.allocated_at, a.id), reverse=True)[: wanted.limit + 1]
        return _same([a.id for a in self._allocations.page(wanted)], [a.id for a in newest])

    def totals(self, tenant_id: str | None) -> tuple[int, ...]:
        """Read the running totals of both: granted, released, expired, revoked, running devices."""
        read = self._allocations.totals(tenant_id)
        tenants = {tenant for tenant, _ in self.model.counts} if tenant_id is None else {tenant_id}
        kinds = ("granted", "released", "expired", "revoked")
        counted = [sum(self.model.counts[tenant, kind] for tenant in tenants) for kind in kinds]
        running = sum(device.status == "running" for device in self.model.devices)
        return _same(
            (read.granted, read.released, read.expired, read.revoked, read.running_devices), (*counted, running)
        )


def _decided(facts: Facts) -> Facts:
    """Leave out what a refused user is offered instead: it binds nobody."""
    return {"outcome": "none_free"} if facts["outcome"] == "none_free" else facts


def _same[T](real: T, expected: T) -> T:
    assert real == expected, f"Postgres: {real!r}, the model: {expected!r}"
    return real
