"""Keep the fleet: add devices, change them."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import accepted
from scheduler.ports import AvailableCache, DeviceStore

logger = logging.getLogger(__name__)


class Fleet:
    """Operators' changes of devices; allocations that run are not touched by them."""

    def __init__(self, devices: DeviceStore, cache: AvailableCache) -> None:
        """Take where devices live."""
        self._devices = devices
        self._cache = cache

    def register(self, devices: Sequence[Mapping[str, Any]], key: RequestKey | None, *, by: str) -> Sequence[str]:
        """Add devices, all or none, for the operator `by`; give their ids in order. One without an id gets one.

        Raises:
            DeviceExists: An id is registered already, or given twice.
        """
        named = [{"id": str(uuid.uuid4()), **device} for device in devices]
        facts = accepted(self._devices.register(named, key))
        self._cache.evict()
        ids: Sequence[str] = facts["ids"]
        logger.info("devices added", extra={"operator": by, "deviceIds": list(ids)})
        return ids

    def change(self, device_id: str, changes: Mapping[str, Any], *, by: str) -> None:
        """Change the named fields of a device for the operator `by`.

        Raises:
            DeviceNotFound: There is no such device.
        """
        accepted(self._devices.change(device_id, changes))
        self._cache.evict()
        # The names of the fields only: their values may be addresses.
        logger.info("device changed", extra={"operator": by, "deviceId": device_id, "fields": sorted(changes)})
