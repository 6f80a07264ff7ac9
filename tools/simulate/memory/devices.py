"""How the fleet in memory is listed and changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.domain.model import AvailableFilter, AvailablePage, DeviceWants, FreeDevice, RequestKey
from scheduler.domain.outcome import Facts
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.fleet import MemoryDevice

COLUMNS = (
    "id",
    "name",
    "device_type",
    "status",
    "tenant_id",
    "cpu_cores",
    "memory_mb",
    "storage_mb",
    "adb_host",
    "adb_port",
)


class MemoryDevices:
    """The fleet of a store: listed, added to, changed."""

    def __init__(self, store: MemoryAllocations) -> None:
        """Work on the store's devices."""
        self._store = store

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        """List the free devices that match, by id."""
        asked = DeviceWants(wanted.device_type, wanted.min_cpu, wanted.min_memory_mb)
        free = [
            FreeDevice(d.id, d.name, d.status, d.cpu_cores, d.memory_mb, d.storage_mb)
            for d in sorted(self._store.devices, key=lambda device: device.id)
            if d.is_free and d.kind.fits(wanted.tenant_id or d.tenant_id, asked)
        ]
        page = [device for device in free if device.id > (wanted.after_id or "")]
        return AvailablePage(tuple(page[: wanted.limit]), len(free), len(page) > wanted.limit)

    def register(self, devices: Sequence[Mapping[str, Any]], key: RequestKey | None) -> Facts:
        """Add devices, all or none."""
        keys, now = self._store.keys, self._store.now
        if (kept := keys.kept(key, now)) is not None:
            return kept
        ids = [str(device["id"]) for device in devices]
        taken = sorted({name for name in ids if name in self._store.fleet.devices})
        taken = taken or sorted({name for name in ids if len(set(ids)) < len(ids) and ids.count(name) > 1})
        if taken:
            return keys.keep(key, now, {"outcome": "device_exists", "ids": taken})
        for device in devices:
            self._store.add(MemoryDevice(**{name: device[name] for name in COLUMNS if name in device}))
        return keys.keep(key, now, {"outcome": "registered", "ids": ids})

    def change(self, device_id: str, changes: Mapping[str, Any]) -> Facts:
        """Change the named fields; what is lent stays as it was counted."""
        fleet = self._store.fleet
        device = fleet.devices.get(device_id)
        if device is None:
            return {"outcome": "device_not_found"}
        was_free = device.is_free
        fleet.leave(device)
        for name, value in changes.items():
            setattr(device, name, value)
        fleet.place(device)
        self._store.booked.doubt(device)
        if device.is_free and not was_free:
            self._store.tell_device(device, "restored", "Running again")
        return {"outcome": "changed"}
