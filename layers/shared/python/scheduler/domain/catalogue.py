"""The catalogue of the events that come in: each type once, with its data; and how an event is read by it.

For each type events/schemas/incoming/<type>.json says the same to those who send; a test holds the two together.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scheduler.domain.incoming import (
    BillingOverdue,
    DeviceDeleted,
    DeviceFailed,
    DeviceHeartbeat,
    DeviceMaintenance,
    DeviceRecycled,
    DeviceStatusChanged,
    EventMark,
    Family,
    IncomingEvent,
    Message,
    PaymentFailed,
    PaymentSucceeded,
    UserActivated,
    UserDeleted,
    UserQuotaUpdated,
    UserSuspended,
)
from scheduler.domain.model import DEFAULT_TENANT, DeviceStatus, User
from scheduler.domain.quota import LARGEST_LIMIT, NO_LIMIT, parse_limits

MAX_ID = 255
"""Longer ones are kept as their digest: the inbox holds no more."""


class UnusableEvent(ValueError):
    """No event that could ever be applied: its type is unknown, or it lacks what its type needs. The text says why.

    It quotes no value of the data, which may be personal.
    """


@dataclass(frozen=True, slots=True)
class Kind:
    """What an event of a type is read to, and which events undo it."""

    family: Family
    read: Callable[[EventMark, "_Data"], IncomingEvent]
    is_about_a_user: bool = True


class _Data:
    """The data of an event, each member read strictly; unknown members are nobody's business."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def text(self, name: str, longest: int = 255) -> str:
        text = self.optional_text(name, longest)
        if text is None:
            raise UnusableEvent(f"data.{name} is missing")
        return text

    def optional_text(self, name: str, longest: int = 255) -> str | None:
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 1 <= len(value) <= longest or _UNSTORABLE.search(value):
            raise UnusableEvent(f"data.{name} is no text of 1 to {longest} characters")
        return value

    def number(self, name: str, most: float) -> float:
        number = self.optional_number(name, most)
        if number is None:
            raise UnusableEvent(f"data.{name} is missing")
        return number

    def optional_number(self, name: str, most: float) -> float | None:
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise UnusableEvent(f"data.{name} is no number from 0 to {most:g}")
        return value

    def duration(self, name: str) -> float | str | None:
        if isinstance(self._members.get(name), str):
            return self.optional_text(name, 50)
        return self.optional_number(name, MOST)

    def status(self, name: str) -> DeviceStatus:
        try:
            return DeviceStatus(self.text(name))
        except ValueError as error:
            raise UnusableEvent(f"data.{name} is none of {', '.join(DeviceStatus)}") from error

    def time(self, name: str, otherwise: datetime) -> datetime:
        return _time(self._members.get(name), f"data.{name}") or otherwise

    def user(self) -> User:
        return User(self.optional_text("tenantId") or DEFAULT_TENANT, self.text("userId"))

    def limits(self) -> Mapping[str, Any]:
        limits = self._members.get("limits")
        if not isinstance(limits, Mapping):
            raise UnusableEvent("data.limits is no object")
        return limits


MOST = 1e15
"""No amount, and no duration in any unit, is more."""
# What Postgres cannot hold, and what is no character.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LIMITS = (
    "maxDevices",
    "maxConcurrentDevices",
    "maxCpuCoresPerDevice",
    "maxMemoryMBPerDevice",
    "maxStorageGBPerDevice",
    "totalCpuCores",
    "totalMemoryGB",
    "totalStorageGB",
)


def _heartbeat(mark: EventMark, data: _Data) -> DeviceHeartbeat:
    return DeviceHeartbeat(
        mark,
        data.text("deviceId"),
        data.number("cpuUsage", 100),
        data.number("memoryUsage", 100),
        data.number("storageUsage", 100),
        min(data.time("observedAt", mark.at), mark.at),
    )


def _quota(mark: EventMark, data: _Data) -> UserQuotaUpdated:
    limits = data.limits()
    try:
        checked = parse_limits(limits)
    except ValueError as error:
        raise UnusableEvent(f"data.limits: {error}") from error
    told = {name: limits[name] for name in _LIMITS if limits.get(name) is not None}
    return UserQuotaUpdated(
        mark, data.user(), checked, {name: n if n <= LARGEST_LIMIT else NO_LIMIT for name, n in told.items()}
    )


def _payment(data: _Data) -> tuple[User, str, float | None, str | None]:
    return (
        data.user(),
        data.text("paymentId"),
        data.optional_number("amount", MOST),
        data.optional_text("currency", 50),
    )


CATALOGUE: Mapping[str, Kind] = {
    "device.failed": Kind(
        Family.DEVICE,
        lambda mark, data: DeviceFailed(mark, data.text("deviceId"), data.optional_text("reason", 500)),
        is_about_a_user=False,
    ),
    "device.status_changed": Kind(
        Family.DEVICE,
        lambda mark, data: DeviceStatusChanged(
            mark,
            data.text("deviceId"),
            data.text("oldStatus", 50),
            data.status("newStatus"),
            data.optional_text("reason", 500),
        ),
        is_about_a_user=False,
    ),
    "device.deleted": Kind(
        Family.DELETION,
        lambda mark, data: DeviceDeleted(mark, data.text("deviceId"), data.optional_text("reason", 500)),
        is_about_a_user=False,
    ),
    "device.maintenance": Kind(
        Family.DEVICE,
        lambda mark, data: DeviceMaintenance(
            mark,
            data.text("deviceId"),
            data.text("maintenanceType", 50),
            data.duration("estimatedDuration"),
            data.optional_text("reason", 500),
        ),
        is_about_a_user=False,
    ),
    "device.heartbeat": Kind(Family.HEARTBEAT, _heartbeat, is_about_a_user=False),
    "device.recycled": Kind(
        Family.RECYCLING, lambda mark, data: DeviceRecycled(mark, data.text("deviceId")), is_about_a_user=False
    ),
    "user.suspended": Kind(Family.USER, lambda mark, data: UserSuspended(mark, data.user())),
    "user.deleted": Kind(Family.USER, lambda mark, data: UserDeleted(mark, data.user())),
    "user.activated": Kind(Family.USER, lambda mark, data: UserActivated(mark, data.user())),
    "user.quota_updated": Kind(Family.QUOTA, _quota),
    "billing.overdue": Kind(Family.BILLING, lambda mark, data: BillingOverdue(mark, *_payment(data))),
    "billing.payment_failed": Kind(Family.BILLING, lambda mark, data: PaymentFailed(mark, *_payment(data))),
    "billing.payment_success": Kind(Family.BILLING, lambda mark, data: PaymentSucceeded(mark, *_payment(data))),
}
"""Every type that is understood."""


def read_event(message: Message) -> IncomingEvent:
    """Read what the queue delivered: a CloudEvent, an event of EventBridge, or a bare {type, id?, data}.

    An event cannot have happened after it was sent: a later time is that of a wrong clock, and counts as the latter.

    Raises:
        UnusableEvent: It can never be applied.
    """
    envelope = _envelope(message.body)
    names = ("detail-type", "detail") if "detail-type" in envelope else ("type", "data")
    kind_name, members = (envelope.get(name) for name in names)
    kind = CATALOGUE.get(kind_name) if isinstance(kind_name, str) else None
    if kind is None:
        raise UnusableEvent(f"unknown type {ascii(kind_name)[:100]}")
    if not isinstance(members, Mapping):
        raise UnusableEvent(f"{names[1]} is no object")
    data = _Data(members)
    user = data.user() if kind.is_about_a_user else None
    mark = EventMark(
        id=_event_id(envelope, message),
        family=kind.family,
        subject=f"{user.tenant_id}|{user.user_id}" if user else data.text("deviceId"),
        at=min(_time(envelope.get("time"), "time") or message.sent_at, message.sent_at),
    )
    return kind.read(mark, data)


def _envelope(body: str) -> Mapping[str, Any]:
    try:
        envelope = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnusableEvent("it is no JSON") from error
    if not isinstance(envelope, Mapping):
        raise UnusableEvent("it is no JSON object")
    if envelope.get("specversion", "1.0") != "1.0":
        raise UnusableEvent("specversion is not 1.0")
    return envelope


def _no_number(_: str) -> None:
    raise ValueError


def _event_id(envelope: Mapping[str, Any], message: Message) -> str:
    """Give source and id in one; the message's own id stands for one that is not told, and is the same each time."""
    given, source = envelope.get("id"), envelope.get("source")
    for name, value in (("id", given), ("source", source)):
        if value is not None and (not isinstance(value, str) or not value or _UNSTORABLE.search(value)):
            raise UnusableEvent(f"{name} is no text")
    whole = f"{source or ''}|{given or f'sqs:{message.id}'}"
    return whole if len(whole) <= MAX_ID else f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _time(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise UnusableEvent(f"{name} is no RFC 3339 time")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnusableEvent(f"{name} is no time of the calendar") from error
