"""What the scheduler talks about: callers, devices, allocations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

DEFAULT_TENANT = "default"


class Role(StrEnum):
    """What a caller may do: act for itself, for any user of its tenant, or across tenants."""

    USER = "user"
    SERVICE = "service"
    OPERATOR = "operator"


class DeviceStatus(StrEnum):
    """How a device is, as its host reports."""

    RUNNING = "running"
    STOPPED = "stopped"
    ERROR = "error"
    MAINTENANCE = "maintenance"


class AllocationStatus(StrEnum):
    """Active while allocated; the others say what ended it."""

    ALLOCATED = "allocated"
    RELEASED = "released"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Language(StrEnum):
    """What users may be told in."""

    EN = "en"
    ZH = "zh"


class Strategy(StrEnum):
    """Which free device is lent first; `routines/placement_score.sql` gives each its score."""

    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTION = "least_connection"
    WEIGHTED_ROUND_ROBIN = "weighted_round_robin"
    RESOURCE_BASED = "resource_based"
    BEST_FIT = "best_fit"
    SMART = "smart"
    """Has no formula there: scores are appraised, by what is learned of each device."""


@dataclass(frozen=True, slots=True)
class User:
    """A user within a tenant."""

    tenant_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class DeviceWants:
    """Minima asked of a device; None: any."""

    device_type: str | None = None
    min_cpu: int | None = None
    min_memory_mb: int | None = None
    min_storage_mb: int | None = None


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An Idempotency-Key with whom and what it belongs to, and the hash of the body it came with."""

    tenant_id: str
    caller: str
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """One user's wish for one device. `waits`: she joins the queue when none is free, which is no failure then."""

    user: User
    minutes: int
    wants: DeviceWants = field(default_factory=DeviceWants)
    metadata: Mapping[str, Any] | None = None
    key: RequestKey | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """The wish to give a device back. `tenant_id` None: any tenant (operator); `user_id` None: whoever holds it."""

    tenant_id: str | None
    user_id: str | None
    device_id: str
    allocation_id: str | None = None
    fencing_token: int | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """A device lent to a user until `expires_at`, as its holder sees it."""

    id: str
    device_id: str
    device_name: str
    device_status: str
    user: User
    status: AllocationStatus
    allocated_at: datetime
    expires_at: datetime | None
    duration_minutes: int
    fencing_token: int
    adb_host: str | None = None
    adb_port: int | None = None
    released_at: datetime | None = None
    duration_seconds: int | None = None
    metadata: Mapping[str, Any] | None = None
    renewal_count: int = 0
    last_renewed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndedAllocation:
    """What the end of an allocation gave back, whatever ended it."""

    id: str
    device_id: str
    user: User
    status: AllocationStatus
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class FreeDevice:
    """A device that may be lent now."""

    id: str
    name: str
    status: str
    cpu_cores: int
    memory_mb: int
    storage_mb: int


@dataclass(frozen=True, slots=True)
class AvailableFilter:
    """Which free devices are listed; also, with the tenant's pool, what a cached page is filed under."""

    tenant_id: str | None
    min_cpu: int | None = None
    min_memory_mb: int | None = None
    device_type: str | None = None
    after_id: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class AvailablePage:
    """One page of free devices, how many match in all, and whether more follow."""

    devices: tuple[FreeDevice, ...]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class AllocationFilter:
    """Which allocations are listed, newest first. `after`: (allocated_at, id) of the last one seen."""

    tenant_id: str | None
    user_id: str | None = None
    device_id: str | None = None
    status: AllocationStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class AllocationTotals:
    """Running totals of a tenant, or of all."""

    granted: int
    released: int
    expired: int
    revoked: int
    running_devices: int
    strategy: str

    @property
    def active(self) -> int:
        """Granted and not ended."""
        return self.granted - self.released - self.expired - self.revoked

    @property
    def utilisation(self) -> float:
        """Share of the running devices that is allocated, 0 to 1."""
        return min(self.active / self.running_devices, 1.0) if self.running_devices else 0.0


@dataclass(frozen=True, slots=True)
class Rescoring:
    """How far devices' scores follow the strategy. `started_at` None: no other one was ever chosen."""

    rescored: int
    total: int
    started_at: datetime | None
    done_at: datetime | None

    @property
    def is_done(self) -> bool:
        """Whether every device is scored by the strategy."""
        return self.started_at is None or self.done_at is not None


@dataclass(frozen=True, slots=True)
class StrategyInForce:
    """The strategy by which devices are to be lent. `chosen_by` None: the deployment's, since no operator has chosen.

    Attributes:
        effective: The one that is followed: another than `name` while something speaks against the learned model.
        because: What does; None: nothing.
        trial_share: Share of the requests on which the learned strategy is tried meanwhile; 0: on none, it only says
            what it would have lent; None: it is not tried.
    """

    name: str
    chosen_by: str | None
    changed_at: datetime
    rescoring: Rescoring
    effective: str
    because: str | None
    trial_share: float | None = None

    @property
    def needs_model(self) -> bool:
        """Whether the learned strategy is chosen or tried."""
        return self.name == Strategy.SMART or self.trial_share is not None
