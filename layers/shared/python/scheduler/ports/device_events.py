"""What a device's host or the fleet tells of a device, for the use cases that act on it.

Each method applies one event once: what was applied before, or is older than the newest applied of its family and
subject, changes nothing. An event of an unknown device changes nothing either.
"""

from typing import Protocol

from scheduler.domain.incoming import (
    DeviceDeleted,
    DeviceFailed,
    DeviceHeartbeat,
    DeviceMaintenance,
    DeviceRecycled,
    DeviceStatusChanged,
)


class DeviceEvents(Protocol):
    """What can befall a device: whoever has it gets another one."""

    def failed(self, event: DeviceFailed) -> None:
        """Take a device that does not work off its user.

        Raises:
            Unavailable: It could not be applied; deliver it again.
        """

    def status_changed(self, event: DeviceStatusChanged) -> None:
        """Take over its status, and act as for a failure when it stopped running."""

    def deleted(self, event: DeviceDeleted) -> None:
        """Take it out of the fleet for good."""

    def maintenance(self, event: DeviceMaintenance) -> None:
        """Take it out for a while."""


class DeviceReports(Protocol):
    """What a device tells of itself."""

    def heartbeat(self, event: DeviceHeartbeat) -> None:
        """Note its load.

        Raises:
            Unavailable: It could not be applied; deliver it again.
        """

    def recycled(self, event: DeviceRecycled) -> None:
        """Note that it was wiped, and may be lent again."""
