"""Take a device back from its holder."""

import logging

from scheduler.domain.errors import SchedulerError
from scheduler.domain.model import EndedAllocation, ReleaseRequest
from scheduler.domain.outcome import accepted, ended_allocation
from scheduler.ports import AllocationStore, Gate, Meter
from scheduler.service.decisions import log_ended, log_refused

logger = logging.getLogger(__name__)


class Releaser:
    """One call of the database; the device's lock only keeps repeated requests in line."""

    def __init__(self, store: AllocationStore, gate: Gate, meter: Meter) -> None:
        """Take the store that decides."""
        self._store = store
        self._gate = gate
        self._meter = meter

    def release(self, request: ReleaseRequest) -> EndedAllocation:
        """End the active allocation of the device; an overdue one ends as expired.

        Raises:
            AllocationNotFound: Nothing the caller may release is active on the device.
            AllocationNotActive: The named allocation has ended.
            StaleFencingToken: The token is not the active allocation's.
            UserBusy: Another request held the device's lock too long.
        """
        try:
            with self._gate.admit_device(request.device_id) as admission:
                facts = accepted(self._store.release(request))
                admission.fleet_changed()
        except SchedulerError as refusal:
            self._meter.count(f"ReleaseRefused.{refusal.code}")
            log_refused(logger, refusal, deviceId=request.device_id, tenantId=request.tenant_id)
            raise
        ended = ended_allocation(facts)
        self._meter.count("AllocationReleased")
        log_ended(logger, ended)
        return ended
