"""Devices in memory, and how the fleet changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scheduler.domain.model import AvailableFilter, AvailablePage, DeviceWants, FreeDevice, RequestKey
from scheduler.domain.outcome import Facts

if TYPE_CHECKING:
    from tests.support.fake_allocations import FakeAllocations


class Size(NamedTuple):
    """Cores and megabytes; None: no limit."""

    cpu_cores: int | None
    memory_mb: int | None
    storage_mb: int | None


UNLIMITED = Size(None, None, None)


class Kind(NamedTuple):
    """Pool, type and size of a device."""

    tenant_id: str | None
    device_type: str
    size: Size

    def fits(self, tenant_id: str | None, wants: DeviceWants, most: Size = UNLIMITED) -> bool:
        """Tell whether the tenant may have it, it meets the minima, and it is within what the quota leaves."""
        minima = (wants.min_cpu, wants.min_memory_mb, wants.min_storage_mb)
        return (
            self.tenant_id in {None, tenant_id}
            and wants.device_type in {None, self.device_type}
            and all(has >= (least or 0) for has, least in zip(self.size, minima, strict=True))
            and all(limit is None or has <= limit for has, limit in zip(self.size, most, strict=True))
        )


@dataclass
class FakeDevice:
    """A device of some size."""

    id: str
    cpu_cores: int = 4
    memory_mb: int = 4096
    storage_mb: int = 65536
    device_type: str = "android-14"
    status: str = "running"
    tenant_id: str | None = None
    name: str = ""
    adb_host: str = "10.0.0.7"
    adb_port: int = 5555
    fence: int = 0
    next_reserved_at: datetime | None = None

    @property
    def size(self) -> Size:
        """What it takes of a quota."""
        return Size(self.cpu_cores, self.memory_mb, self.storage_mb)

    @property
    def kind(self) -> Kind:
        """What claims look for."""
        return Kind(self.tenant_id, self.device_type, self.size)


class FakeDevices:
    """The fleet of a store: listed, added to, changed."""

    def __init__(self, store: "FakeAllocations") -> None:
        """Work on the store's devices."""
        self._store = store

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        """List the free devices that match, by id."""
        asked = DeviceWants(wanted.device_type, wanted.min_cpu, wanted.min_memory_mb)
        free = [
            FreeDevice(d.id, d.name, d.status, d.cpu_cores, d.memory_mb, d.storage_mb)
            for d in sorted(self._store.devices, key=lambda device: device.id)
            if self._store.is_free(d) and d.kind.fits(wanted.tenant_id or d.tenant_id, asked)
        ]
        page = [device for device in free if device.id > (wanted.after_id or "")]
        return AvailablePage(tuple(page[: wanted.limit]), len(free), len(page) > wanted.limit)

    def register(self, devices: Sequence[Mapping[str, Any]], key: RequestKey | None) -> Facts:
        """Add devices, all or none."""
        keys, now = self._store.keys, self._store.now
        if (kept := keys.kept(key, now)) is not None:
            return kept
        ids = [str(device["id"]) for device in devices]
        known = {device.id for device in self._store.devices}
        taken = sorted({name for name in ids if name in known or ids.count(name) > 1})
        if taken:
            return keys.keep(key, now, {"outcome": "device_exists", "ids": taken})
        self._store.devices += [_device(device) for device in devices]
        self._store.note_kinds()
        return keys.keep(key, now, {"outcome": "registered", "ids": ids})

    def change(self, device_id: str, changes: Mapping[str, Any]) -> Facts:
        """Change the named fields; what is lent stays as it was counted."""
        device = next((d for d in self._store.devices if d.id == device_id), None)
        if device is None:
            return {"outcome": "device_not_found"}
        was_free = self._store.is_free(device)
        for name, value in changes.items():
            setattr(device, name, value)
        self._store.note_kinds()
        if self._store.is_free(device) and not was_free:
            self._store.tell_device(device, "restored", "Running again")
        return {"outcome": "changed"}


def _device(given: Mapping[str, Any]) -> FakeDevice:
    return FakeDevice(**{field.name: given[field.name] for field in fields(FakeDevice) if field.name in given})
