"""The priority queue: who waits for a device, in which order, and how a wait ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.errors import RequestInProgress
from scheduler.domain.model import DeviceWants, RequestKey, User
from scheduler.domain.outcome import Facts, accepted

SECONDS_PER_MINUTE = 60


class Tier(StrEnum):
    """What a waiter's plan weighs in the line."""

    FREE = "free"
    BASIC = "basic"
    PRO = "pro"
    ENTERPRISE = "enterprise"


STEPS: Mapping[Tier, int] = {Tier.FREE: 0, Tier.BASIC: 1, Tier.PRO: 2, Tier.ENTERPRISE: 3}
"""How many steps each tier is ahead. Waiting for AGEING_MINUTES is worth one step: the one policy of the line."""


def tier_of(plan_name: str) -> Tier:
    """Give the tier of a quota document's plan; one that is not known waits as free."""
    return Tier(plan_name) if plan_name in set(Tier) else Tier.FREE


def head_start_seconds(tier: Tier, ageing_minutes: int) -> int:
    """Give the waiting time that a tier is worth: so much earlier a free waiter must have joined to be ahead of it."""
    return STEPS[tier] * ageing_minutes * SECONDS_PER_MINUTE


class EntryStatus(StrEnum):
    """Live while waiting; the others say what ended the wait."""

    WAITING = "waiting"
    FULFILLED = "fulfilled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """One user's wish to wait for a device; the minutes start at the grant."""

    user: User
    minutes: int
    max_wait_minutes: int
    wants: DeviceWants = field(default_factory=DeviceWants)
    metadata: Mapping[str, Any] | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A wait for a device. `position` counts from 1 while waiting."""

    id: str
    user: User
    status: EntryStatus
    tier: str
    wants: DeviceWants
    duration_minutes: int
    joined_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    position: int | None = None
    allocation_id: str | None = None
    device_id: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which entries are listed, newest first. `after`: (joined_at, id) of the last one seen."""

    tenant_id: str | None
    user_id: str | None = None
    status: EntryStatus | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class EndedWait:
    """A wait that is over without a device."""

    id: str
    user: User
    tier: str
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class StaleWaiter:
    """A waiter whose quota has to be read again before she is served."""

    entry_id: str
    user: User
    wants: DeviceWants


@dataclass(frozen=True, slots=True)
class WaitFigures:
    """How many waits are in which state; p50 and p90 are seconds that the fulfilled ones took. `tier` None: all."""

    tier: str | None
    waiting: int
    fulfilled: int
    expired: int
    cancelled: int
    p50: float | None
    p90: float | None

    @property
    def success_rate(self) -> float | None:
        """Share of the waits that brought a device, 0 to 1; who left by herself counts on neither side."""
        ended = self.fulfilled + self.expired
        return self.fulfilled / ended if ended else None


def joined_entry(facts: Facts) -> str:
    """Read the facts of a join that was carried out: the entry's id.

    Raises:
        RequestInProgress: The same request, under its key, has been granted a device meanwhile: ask for that again.
    """
    if accepted(facts)["outcome"] != "joined":
        raise RequestInProgress(retry_after_seconds=1)
    entry_id: str = facts["entryId"]
    return entry_id


def stale_waiters(facts: Facts) -> Sequence[StaleWaiter]:
    """Read whose quota has to be read before anybody further is served."""
    return [
        StaleWaiter(
            entry["entryId"],
            User(entry["tenantId"], entry["userId"]),
            DeviceWants(entry["deviceType"], entry["minCpu"], entry["minMemory"], entry["minStorage"]),
        )
        for entry in facts["entries"]
    ]
