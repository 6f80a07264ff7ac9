"""Tells the billing service what is billed, record by record."""

import uuid
from collections.abc import Mapping
from typing import Any

from scheduler.domain.events import BrokenEvent
from scheduler.ports.billing import Metering, UsageRecords

MOST_HUNDREDS = 100


class Biller:
    """The record is ours first; an event only says where to look. Told, then marked: dying in between tells it twice.

    The record's key makes that one effect, as it does for two events of one allocation at the same time.
    """

    def __init__(self, metering: Metering | None, records: UsageRecords) -> None:
        """Without metering nobody wants to know."""
        self._metering = metering
        self._records = records

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Tell what is not told yet of the allocation that an event names.

        Raises:
            BrokenEvent: It names none.
            Unavailable: A record could not be told or marked; those before it were. Deliver the event again.
        """
        if self._metering is None:
            return
        allocation_id = allocation_of(event)
        for _ in range(MOST_HUNDREDS):
            records = self._records.untold(allocation_id)
            if not records:
                return
            for record in records:
                self._metering.tell(record)
                self._records.mark_told(record)


def allocation_of(event: Mapping[str, Any]) -> str:
    """Read which allocation an event tells of.

    Raises:
        BrokenEvent: It names none.
    """
    try:
        return str(uuid.UUID(event["data"]["allocationId"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BrokenEvent(f"event {event.get('id')!r} names no allocation: {type(error).__name__}") from error
