"""Lead devices through their lives: drained, quarantined, restored, recycled, deleted, by operators and by time."""

import logging
import time
from contextlib import suppress

from scheduler.domain.device_life import REASONS, TRANSITIONS, Act, Device, device_of
from scheduler.domain.errors import AllocationNotActive, DeviceNotRestorable, SchedulerError
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts, accepted
from scheduler.ports import AvailableCache, Meter
from scheduler.ports.fleet import DeviceLives
from scheduler.service.failover import Failover

logger = logging.getLogger(__name__)

BATCH = 100
MAX_SECONDS = 20
"""A sweep leaves what it has not reached by then to the next."""


class DeviceLife:
    """Each act is one transaction; what ran on a device that must serve nobody any more is moved after it.

    Cut in between, the act asked for again goes on from there, and so does the sweep.
    """

    def __init__(self, lives: DeviceLives, failover: Failover, cache: AvailableCache, meter: Meter) -> None:
        """Take where lives are kept, and what moves allocations."""
        self._lives = lives
        self._failover = failover
        self._cache = cache
        self._meter = meter

    def act(
        self, act: Act, device_id: str, *, by: str, reason: str | None = None, key: RequestKey | None = None
    ) -> Device:
        """Do one act for the operator `by`; give the device as it was right after, its allocation not yet moved.

        Raises:
            DeviceNotFound: There is no such device, or it was deleted.
            DeviceNotRestorable: It is in service.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        transition, told = TRANSITIONS[act], reason or REASONS[act]
        facts = accepted(self._lives.change(device_id, transition, told, key))
        self._cache.evict()
        self._log(facts, act, device_id, by)
        device = device_of(facts["device"])
        if transition.strict and facts["outcome"] == "unchanged":
            raise DeviceNotRestorable(f"The device is {device.life.replace('_', ' ')}")
        if transition.ends_session:
            self._clear(device_id, told)
        return device

    def sweep(self) -> int:
        """Quarantine devices whose wipe takes too long, and clear devices that an act left half-way; tell how many.

        A batch of each a run: what is left is left to the next.
        """
        quarantined = self._lives.quarantine_unrecycled(BATCH)
        for device_id in quarantined:
            logger.warning("device quarantined", extra={"deviceId": device_id})
        self._meter.count("DeviceQuarantined", len(quarantined))
        stop_at = time.monotonic() + MAX_SECONDS
        for device_id, reason in self._lives.to_clear(BATCH):
            if time.monotonic() > stop_at:
                break
            try:
                self._clear(device_id, reason)
            except SchedulerError as error:  # one that cannot be moved now holds up no other
                logger.warning("device not cleared", extra={"deviceId": device_id, "code": error.code})
        return len(quarantined)

    def _clear(self, device_id: str, reason: str) -> None:
        with suppress(AllocationNotActive):  # it ended meanwhile, which is as good
            self._failover.leave_device(device_id, reason)

    def _log(self, facts: Facts, act: Act, device_id: str, by: str) -> None:
        logger.info(
            "device life", extra={"operator": by, "act": act, "deviceId": device_id, "outcome": facts["outcome"]}
        )
