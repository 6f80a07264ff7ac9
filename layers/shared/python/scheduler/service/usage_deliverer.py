"""Tells the user service what each allocation took, and what its end gave back."""

from collections.abc import Mapping
from typing import Any

from scheduler.domain.events import EventType
from scheduler.domain.model import DEFAULT_TENANT, User
from scheduler.domain.quota import MB_PER_GB
from scheduler.ports import Inbox, UsageReporter

CONSUMER = "usage"

_OPERATIONS = {
    EventType.DEVICE_ALLOCATED: ("increment", "quotaUsed"),
    EventType.DEVICE_RELEASED: ("decrement", "quotaRestored"),
    EventType.ALLOCATION_EXPIRED: ("decrement", "quotaRestored"),
    EventType.ALLOCATION_REVOKED: ("decrement", "quotaRestored"),
}


class BrokenEvent(ValueError):
    """An event that can never be delivered as it is; a person has to look at it."""


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
        event_id, user, usage = usage_of(event)
        if self._inbox.has(CONSUMER, event_id):
            return
        self._reporter.report(user, usage, event_id)
        self._inbox.add(CONSUMER, event_id)


def usage_of(event: Mapping[str, Any]) -> tuple[str, User, Mapping[str, Any]]:
    """Read an event: its id, whose usage changes, and the change as the user service is told (sizes in GB).

    Raises:
        BrokenEvent: A part is missing or of the wrong type, or no usage goes with the event's type.
    """
    event_id = event.get("id")
    try:
        operation, share_name = _OPERATIONS[EventType(event["type"])]
        data = event["data"]
        share = data[share_name]
        user = User(_text(data.get("tenantId") or DEFAULT_TENANT), _text(data["userId"]))
        return (
            _text(event_id),
            user,
            {
                "deviceId": _text(data["deviceId"]),
                "cpuCores": _number(share["cpuCores"]),
                "memoryGB": _number(share["memoryMB"]) / MB_PER_GB,
                "storageGB": _number(share["storageMB"]) / MB_PER_GB,
                "operation": operation,
            },
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BrokenEvent(f"event {event_id!r} tells no usage: {type(error).__name__} {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number is missing")
    return value
