"""What devices tell of themselves: how busy they are, and that they were wiped."""

import logging

from scheduler.domain.device_life import REASONS, Act
from scheduler.domain.incoming import DeviceHeartbeat, DeviceRecycled
from scheduler.ports import AvailableCache
from scheduler.ports.fleet import DeviceReportStore

logger = logging.getLogger(__name__)


class Reports:
    """Each report is one call of the database, which decides whether it is news."""

    def __init__(self, store: DeviceReportStore, cache: AvailableCache) -> None:
        """Take where reports are kept."""
        self._store = store
        self._cache = cache

    def heartbeat(self, event: DeviceHeartbeat) -> None:
        """Note a device's load; one of an unknown device is left out.

        Raises:
            Unavailable: It could not be kept; deliver it again.
        """
        outcome = self._store.note_heartbeat(event)["outcome"]
        if outcome == "device_not_found":  # the others are many, and nothing to tell of
            logger.info("device report", extra={"report": "heartbeat", "deviceId": event.device_id, "outcome": outcome})

    def recycled(self, event: DeviceRecycled) -> None:
        """Lend a device again that was wiped; waiters are served by the event that this sends.

        Raises:
            Unavailable: It could not be kept; deliver it again.
        """
        outcome = self._store.note_recycled(event, REASONS[Act.RECYCLED])["outcome"]
        if outcome == "changed":
            self._cache.evict()
        logger.info("device report", extra={"report": "recycled", "deviceId": event.device_id, "outcome": outcome})
