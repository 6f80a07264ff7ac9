"""Take in events from outside: each is read, and given to whom it concerns; what cannot be read is parked."""

import logging
import re

from scheduler.domain.catalogue import UnusableEvent, read_event
from scheduler.domain.incoming import (
    DeviceDeleted,
    DeviceFailed,
    DeviceHeartbeat,
    DeviceMaintenance,
    DeviceRecycled,
    DeviceStatusChanged,
    IncomingEvent,
    Message,
    UserQuotaUpdated,
)
from scheduler.ports import Meter
from scheduler.ports.device_events import DeviceEvents, DeviceReports
from scheduler.ports.parking import Parking
from scheduler.service.standing import Standing

logger = logging.getLogger(__name__)

_STRANGE_TYPE = re.compile(r"(unknown type) (?!'[a-z]+(?:[._][a-z]+)*'$).*", re.DOTALL)
"""What stands where a type should, and does not look like one, may be anything."""


class Consumer:
    """Applies each message once, or parks it; nobody waits behind one that never could be applied."""

    def __init__(
        self, devices: DeviceEvents, reports: DeviceReports, standing: Standing, parking: Parking, meter: Meter
    ) -> None:
        """Take those whom events concern, and where the others go."""
        self._devices = devices
        self._reports = reports
        self._standing = standing
        self._parking = parking
        self._meter = meter

    def consume(self, message: Message) -> None:
        """Apply what a message tells, or park it.

        Raises:
            Unavailable: Neither could be done; deliver it again.
        """
        try:
            event = read_event(message)
        except UnusableEvent as unusable:
            self._parking.park(message, str(unusable))
            self._meter.count("EventsParked")
            reason = _STRANGE_TYPE.sub(r"\1", str(unusable))
            logger.warning("event parked", extra={"messageId": message.id, "reason": reason})
            return
        self._apply(event)
        self._meter.count("EventsApplied")

    def _apply(self, event: IncomingEvent) -> None:
        match event:
            case DeviceFailed() | DeviceStatusChanged() | DeviceDeleted() | DeviceMaintenance():
                self._befall(event)
            case DeviceHeartbeat():
                self._reports.heartbeat(event)
            case DeviceRecycled():
                self._reports.recycled(event)
            case UserQuotaUpdated():
                self._standing.change_limits(event)
            case _:
                self._standing.apply(event)

    def _befall(self, event: DeviceFailed | DeviceStatusChanged | DeviceDeleted | DeviceMaintenance) -> None:
        match event:
            case DeviceFailed():
                self._devices.failed(event)
            case DeviceStatusChanged():
                self._devices.status_changed(event)
            case DeviceDeleted():
                self._devices.deleted(event)
            case DeviceMaintenance():
                self._devices.maintenance(event)
