"""What a run leaves behind as evidence: what clients saw, what the database, the queue and the user service hold."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

FOREVER = datetime.max.replace(tzinfo=UTC)


class Kind(StrEnum):
    """What a client may ask."""

    ALLOCATE = "allocate"
    RELEASE = "release"
    LIST = "list"
    EXPIRE = "expire"
    RENEW = "renew"
    RESERVE = "reserve"
    CANCEL_RESERVATION = "cancel reservation"
    JOIN = "join"
    CANCEL_WAIT = "cancel wait"
    LOOK_AT_WAIT = "look at wait"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request as its client saw it. Times are this machine's monotonic clock, in nanoseconds.

    `status` is None when no answer came: what was asked may have happened, or happen until the worker is known to be
    gone. A client that asks again under the same idempotency key makes a new operation with the same `key`.
    """

    id: int
    client: int
    kind: Kind
    tenant: str
    user: str
    started_ns: int
    ended_ns: int
    body: Mapping[str, Any]
    key: str | None = None
    status: int | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    retry_after: str | None = None

    @property
    def unknown(self) -> bool:
        """Whether nobody can tell from the answer what happened."""
        return self.status is None

    @property
    def data(self) -> Mapping[str, Any]:
        """What a success carries."""
        found: Mapping[str, Any] = self.answer.get("data") or {}
        return found


@dataclass(frozen=True, slots=True)
class LockUse:
    """One worker's hold of a Redis lock: from when it was surely had until it was let go (None: never, it died).

    `taken_ns` is read after Redis had answered, `left_ns` before the unlock is sent, `asked_ns` before the lock was
    asked for: the time to live cannot have begun before that, however long the worker stood still until `taken_ns`.
    """

    key: str
    token: str
    worker: int
    taken_ns: int
    left_ns: int | None
    ttl_ms: int
    asked_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the subscriber of all events got it; `place` counts deliveries, redeliveries too."""

    place: int
    event_id: str
    type: str
    group: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of usage that the user service applied."""

    key: str
    tenant: str
    user: str
    operation: str
    device_id: str


@dataclass(frozen=True, slots=True)
class AllocationRow:
    """A row of device_allocations."""

    id: str
    device_id: str
    tenant: str
    user: str
    status: str
    allocated_at: datetime
    expires_at: datetime
    released_at: datetime | None
    fencing_token: int
    cpu_cores: int
    memory_mb: int
    storage_mb: int
    duration_minutes: int = 30
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True)
class RenewalRow:
    """A row of allocation_renewals."""

    allocation_id: str
    number: int
    renewed_at: datetime
    additional_minutes: int
    old_expires_at: datetime
    new_expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReservationRow:
    """A row of reservations."""

    id: str
    tenant: str
    user: str
    device_id: str
    status: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    executed_at: datetime | None
    allocation_id: str | None


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A row of queue_entries."""

    id: str
    tenant: str
    user: str
    status: str
    rank: float
    duration_minutes: int
    joined_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    allocation_id: str | None
    device_id: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of the outbox."""

    position: int
    event_id: str
    type: str
    group: str
    tenant: str
    data: Mapping[str, Any]
    published: bool
    subject: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A row of quota_usage."""

    tenant: str
    user: str
    devices: int
    cpu_cores: int
    memory_mb: int
    storage_mb: int


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A row of idempotency_keys."""

    tenant: str
    key: str
    answer: Mapping[str, Any] | None


@dataclass(slots=True)
class Evidence:
    """All that a checker may look at. `limits` are the device limits by "tenant|user"; who is not in it has `limit`.

    `complete` tells that the run was drained: the relay ran until the outbox was empty, and every consumer caught up.
    `delivers` tells that the usage consumer took part; without it `effects` prove nothing. `orderly` tells that
    whoever waited did nothing else, and nothing kept dispatch from them: then the order of service is proved too.
    """

    seed: int = 0
    operations: list[Operation] = field(default_factory=list)
    locks: list[LockUse] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    allocations: list[AllocationRow] = field(default_factory=list)
    renewals: list[RenewalRow] = field(default_factory=list)
    reservations: list[ReservationRow] = field(default_factory=list)
    entries: list[EntryRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    usage: list[UsageRow] = field(default_factory=list)
    keys: list[KeyRow] = field(default_factory=list)
    limit: int = 10
    limits: dict[str, int] = field(default_factory=dict)
    parked: list[str] = field(default_factory=list)
    """Event ids in the dead letter queue."""
    lock_breaks_ns: list[int] = field(default_factory=list)
    """When Redis lost its locks: it was flushed, killed or started again."""
    complete: bool = True
    delivers: bool = True
    orderly: bool = False

    def save(self, path: Path) -> None:
        """Write it as JSON, for a look after a failure."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), default=str, indent=1))


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept, with what shows it.

    `about` names the smallest set of things that show it: {"device": …} or {"user": …} or {"event": …} and so on, so
    that the history can be cut down to what concerns them.
    """

    promise: str
    what: str
    about: Mapping[str, str]
