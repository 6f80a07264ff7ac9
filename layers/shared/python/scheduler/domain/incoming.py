"""The events that come in: what each tells, once it is read. `catalogue` has their types, and reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scheduler.domain.model import DeviceStatus, User
from scheduler.domain.quota import QuotaLimits


class Family(StrEnum):
    """Events that undo each other: of one family and subject, only the newest counts. Nothing undoes a deletion."""

    DEVICE = "device"
    DELETION = "deletion"
    HEARTBEAT = "heartbeat"
    RECYCLING = "recycling"
    USER = "user"
    QUOTA = "quota"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class EventMark:
    """Which event it is (source and id), of whom it tells, and when that happened: `incoming_event` in SQL."""

    id: str
    family: Family
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceFailed:
    """A device does not work any more."""

    mark: EventMark
    device_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeviceStatusChanged:
    """A device is otherwise than it was; only the new status decides."""

    mark: EventMark
    device_id: str
    old_status: str
    new_status: DeviceStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeviceDeleted:
    """A device left the fleet for good."""

    mark: EventMark
    device_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeviceMaintenance:
    """A device is being worked on; for how long is told as its host has it."""

    mark: EventMark
    device_id: str
    maintenance_type: str
    estimated_duration: float | str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeviceHeartbeat:
    """How much of a device is in use, in percent."""

    mark: EventMark
    device_id: str
    cpu_usage: float
    memory_usage: float
    storage_usage: float
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceRecycled:
    """A device was wiped."""

    mark: EventMark
    device_id: str


@dataclass(frozen=True, slots=True)
class UserSuspended:
    """A user may hold nothing for now."""

    mark: EventMark
    user: User


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """A user is gone."""

    mark: EventMark
    user: User


@dataclass(frozen=True, slots=True)
class UserActivated:
    """A user is in good standing again."""

    mark: EventMark
    user: User


@dataclass(frozen=True, slots=True)
class UserQuotaUpdated:
    """A user has other limits: as they are checked, and as they were told; NO_LIMIT: none."""

    mark: EventMark
    user: User
    limits: QuotaLimits
    told: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class BillingOverdue:
    """A user owes money for too long."""

    mark: EventMark
    user: User
    payment_id: str
    amount: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """A payment of a user did not go through."""

    mark: EventMark
    user: User
    payment_id: str
    amount: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """A user paid: failures and debts before it are settled."""

    mark: EventMark
    user: User
    payment_id: str
    amount: float | None
    currency: str | None


type DeviceEvent = (
    DeviceFailed | DeviceStatusChanged | DeviceDeleted | DeviceMaintenance | DeviceHeartbeat | DeviceRecycled
)
type StandingEvent = UserSuspended | UserDeleted | UserActivated | BillingOverdue | PaymentFailed | PaymentSucceeded
type IncomingEvent = DeviceEvent | StandingEvent | UserQuotaUpdated


@dataclass(frozen=True, slots=True)
class Message:
    """What the queue delivered: its own id, the text, and when and in which group it was sent."""

    id: str
    body: str
    sent_at: datetime
    group_id: str
