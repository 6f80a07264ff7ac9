"""What befalls devices: they break down, stop, are serviced, leave or come back. Whoever has one gets another."""

import logging

from scheduler.discretion import discreet
from scheduler.domain.errors import AllocationNotActive
from scheduler.domain.incoming import DeviceDeleted, DeviceFailed, DeviceMaintenance, DeviceStatusChanged, EventMark
from scheduler.domain.model import DeviceStatus
from scheduler.domain.outcome import Facts
from scheduler.ports import AvailableCache
from scheduler.ports.interventions import FailoverOrder, InterventionStore
from scheduler.service.failover import Failover

logger = logging.getLogger(__name__)

LONGEST_REASON = 500
_FAILED = {DeviceStatus.ERROR, DeviceStatus.STOPPED}


class Incidents:
    """Each event takes two calls: after the first nobody is lent the device, so that the second meets who has it.

    Cut in between, it comes again and goes on: the second call marks it as applied. The time since the event is
    credited to the holder, however late it comes.
    """

    def __init__(self, store: InterventionStore, failover: Failover, cache: AvailableCache) -> None:
        """Take the store that notes, and what moves allocations."""
        self._store = store
        self._failover = failover
        self._cache = cache

    def failed(self, event: DeviceFailed) -> None:
        """Move its allocation, which counts against the device.

        Raises:
            Unavailable: It could not be applied; deliver it again.
        """
        facts = self._store.note_status(event.mark, event.device_id, DeviceStatus.ERROR)
        self._follow(facts, event.mark, event.device_id, _text("Device failed", event.reason), is_failure=True)

    def status_changed(self, event: DeviceStatusChanged) -> None:
        """Take over its status: unless it runs, its allocation moves. Maintenance does not count against it."""
        status = event.new_status
        facts = self._store.note_status(event.mark, event.device_id, status)
        reason = _text("Device changed", event.reason or status)
        self._follow(facts, event.mark, event.device_id, reason, is_failure=status in _FAILED)

    def maintenance(self, event: DeviceMaintenance) -> None:
        """Move its allocation while it is serviced."""
        facts = self._store.note_status(event.mark, event.device_id, DeviceStatus.MAINTENANCE)
        reason = _text("Device in maintenance", event.reason or event.maintenance_type)
        self._follow(facts, event.mark, event.device_id, reason, is_failure=False)

    def deleted(self, event: DeviceDeleted) -> None:
        """Take it out of the fleet for good, and move its allocation."""
        reason = _text("Device left the fleet", event.reason)
        facts = self._store.note_deleted(event.mark, event.device_id, reason)
        self._follow(facts, event.mark, event.device_id, reason, is_failure=False)

    def _follow(self, facts: Facts, mark: EventMark, device_id: str, reason: str, *, is_failure: bool) -> None:
        self._cache.evict()
        logger.info("device event", extra={"deviceId": device_id, "outcome": facts["outcome"], "reason": reason})
        if "allocationId" not in facts:
            return
        try:
            self._failover.fail_over(FailoverOrder(facts["allocationId"], reason, mark.at, is_failure, mark))
        except AllocationNotActive:  # it ended meanwhile, which is as good, and closed the event
            logger.info("nothing to move", extra={"deviceId": device_id, "allocationId": facts["allocationId"]})


def _text(what: str, reason: str | None) -> str:
    """Say what happened in the host's words, less what is nobody's business."""
    return f"{what}: {discreet(reason)}"[:LONGEST_REASON] if reason else what
