"""Look at the fleet, as operators do."""

from collections.abc import Sequence

from scheduler.domain.device_life import Device, DeviceFilter, Glance
from scheduler.domain.errors import DeviceNotFound
from scheduler.ports.fleet import FleetReader


class Inventory:
    """Reads only."""

    def __init__(self, fleet: FleetReader) -> None:
        """Take where devices are looked up."""
        self._fleet = fleet

    def device(self, device_id: str) -> Device:
        """Find one device.

        Raises:
            DeviceNotFound: There is none, or it was deleted.
        """
        device = self._fleet.find(device_id)
        if device is None:
            raise DeviceNotFound
        return device

    def devices(self, wanted: DeviceFilter) -> tuple[Sequence[Device], bool]:
        """List devices by id, and tell whether more follow."""
        found = self._fleet.page(wanted)
        return found[: wanted.limit], len(found) > wanted.limit

    def at_a_glance(self, after_id: str | None, limit: int) -> tuple[Sequence[Glance], bool]:
        """List all devices by id, with who has them, and tell whether more follow."""
        found = self._fleet.glances(after_id, limit + 1)
        return found[:limit], len(found) > limit
