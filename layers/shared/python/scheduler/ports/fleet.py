"""What operators' acts and devices' reports need of where the fleet lives."""

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.device_life import Device, DeviceFilter, Glance, Transition
from scheduler.domain.incoming import DeviceHeartbeat, DeviceRecycled
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts


class FleetReader(Protocol):
    """Where devices are looked up, by operators."""

    def find(self, device_id: str) -> Device | None:
        """Find one device; None: there is none, or it was deleted."""

    def page(self, wanted: DeviceFilter) -> Sequence[Device]:
        """List one more than `wanted.limit`, by id, so that the caller knows whether more follow."""

    def glances(self, after_id: str | None, limit: int) -> Sequence[Glance]:
        """List up to `limit` devices that are not deleted, by id, with who has them."""


class DeviceLives(Protocol):
    """Where a device's life is kept. Each method is one transaction."""

    def change(self, device_id: str, transition: Transition, reason: str | None, key: RequestKey | None) -> Facts:
        """Lead a device along a transition, if it leaves where the device is."""

    def to_clear(self, limit: int) -> Sequence[tuple[str, str]]:
        """List devices that must serve nobody and still do, by id, each with why."""

    def quarantine_unrecycled(self, limit: int) -> Sequence[str]:
        """Quarantine up to `limit` devices whose wipe takes too long; give their ids."""


class DeviceReportStore(Protocol):
    """Where the reports of devices are kept. Each method is one transaction."""

    def note_heartbeat(self, event: DeviceHeartbeat) -> Facts:
        """Keep a device's load, unless a newer one is known."""

    def note_recycled(self, event: DeviceRecycled, reason: str) -> Facts:
        """Take back a device that was wiped."""
