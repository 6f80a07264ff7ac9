"""Tells the user service what each allocation took, and what its end gave back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scheduler.domain.events import BrokenEvent, EventType
from scheduler.domain.model import DEFAULT_TENANT, User
from scheduler.domain.quota import MB_PER_GB
from scheduler.ports import Inbox, UsageReporter

CONSUMER = "usage"


@dataclass(frozen=True, slots=True)
class Change:
    """One change that an event tells of: where it stands in the data, of which device, and what sets its key apart."""

    operation: str
    share: str
    device: str = "deviceId"
    key_suffix: str = ""


_TAKEN = Change("increment", "quotaUsed")
_GIVEN_BACK = Change("decrement", "quotaRestored")
_CHANGES = {
    EventType.DEVICE_ALLOCATED: (_TAKEN,),
    EventType.DEVICE_RELEASED: (_GIVEN_BACK,),
    EventType.ALLOCATION_EXPIRED: (_GIVEN_BACK,),
    EventType.ALLOCATION_REVOKED: (_GIVEN_BACK,),
    EventType.ALLOCATION_FAILED_OVER: (
        Change("decrement", "quotaRestored", "oldDeviceId", ":left"),
        Change("increment", "quotaUsed", "deviceId", ":taken"),
    ),
}


class UsageDeliverer:
    """Delivers each event of the usage queue once, as far as the inbox knows; the idempotency key covers the rest."""

    def __init__(self, reporter: UsageReporter | None, inbox: Inbox) -> None:
        """Without a reporter nobody wants to know."""
        self._reporter = reporter
        self._inbox = inbox

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Tell one event, then remember that it was told: dying in between tells it twice, under the same key.

        Raises:
            BrokenEvent: It lacks what has to be told.
            Unavailable: It could not be told or remembered; deliver it again.
        """
        if self._reporter is None:
            return
        event_id, user, reports = usage_of(event)
        if self._inbox.has(CONSUMER, event_id):
            return
        for key, usage in reports:
            self._reporter.report(user, usage, key)
        self._inbox.add(CONSUMER, event_id)


def usage_of(event: Mapping[str, Any]) -> tuple[str, User, Sequence[tuple[str, Mapping[str, Any]]]]:
    """Read an event: its id, whose usage changes, and each change: its key and what the service is told (sizes in GB).

    Raises:
        BrokenEvent: A part is missing or of the wrong type, or no usage goes with the event's type.
    """
    event_id = event.get("id")
    try:
        changes = _CHANGES[EventType(event["type"])]
        data = event["data"]
        user = User(_text(data.get("tenantId") or DEFAULT_TENANT), _text(data["userId"]))
        key = _text(event_id)
        return key, user, [(key + change.key_suffix, _usage(change, data)) for change in changes]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BrokenEvent(f"event {event_id!r} tells no usage: {type(error).__name__} {error}") from error


def _usage(change: Change, data: Mapping[str, Any]) -> Mapping[str, Any]:
    share = data[change.share]
    return {
        "deviceId": _text(data[change.device]),
        "cpuCores": _number(share["cpuCores"]),
        "memoryGB": _number(share["memoryMB"]) / MB_PER_GB,
        "storageGB": _number(share["storageMB"]) / MB_PER_GB,
        "operation": change.operation,
    }


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number is missing")
    return value
