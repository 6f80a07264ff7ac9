"""Add, change and list devices."""

# ruff: noqa: N815  wire names
from collections.abc import Mapping
from typing import Annotated, Any, Self

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from scheduler.domain.model import (
    DeviceStatus,
    FreeDevice,
)
from scheduler.edge.call import OneOf
from scheduler.edge.fields import (
    Cores,
    DeviceId,
    Id,
    Megabytes,
    Metadata,
    Port,
    ShortText,
    View,
    WireModel,
)

_DEVICE: dict[str, Any] = {
    "id": "phone-77",
    "name": "Phone 77",
    "deviceType": "android-14",
    "cpuCores": 4,
    "memoryMB": 8192,
    "storageMB": 131072,
    "adbHost": "10.0.0.77",
    "adbPort": 5555,
}


class FreeDeviceView(View):
    """A device that may be lent now."""

    id: str
    name: str
    status: str
    cpuCores: int
    memoryMB: int
    storageMB: int

    @classmethod
    def of(cls, device: FreeDevice) -> Self:
        """View a free device."""
        return cls(
            id=device.id,
            name=device.name,
            status=device.status,
            cpuCores=device.cpu_cores,
            memoryMB=device.memory_mb,
            storageMB=device.storage_mb,
        )


class DeviceChanges(WireModel):
    """Fields of a device to change; those left out stay. Null clears host, model and tenantId."""

    EXAMPLES = ({"status": "maintenance"},)

    name: Id | UnsetType = UNSET
    deviceType: ShortText | UnsetType = UNSET
    status: DeviceStatus | UnsetType = UNSET
    cpuCores: Cores | UnsetType = UNSET
    memoryMB: Megabytes | UnsetType = UNSET
    storageMB: Megabytes | UnsetType = UNSET
    adbHost: Id | UnsetType = UNSET
    adbPort: Port | UnsetType = UNSET
    host: Id | UnsetType | None = UNSET
    model: Id | UnsetType | None = UNSET
    tenantId: Id | UnsetType | None = UNSET
    labels: Metadata | UnsetType = UNSET

    def to_changes(self) -> dict[str, Any]:
        """Give the named fields by column."""
        return _columns({name: value for name, value in asdict(self).items() if value is not UNSET})


class DeviceBody(WireModel, kw_only=True):
    """A new device; without an id it gets one, without a tenant it serves all."""

    EXAMPLES = (_DEVICE,)

    id: DeviceId | None = None
    name: Id
    deviceType: ShortText
    status: DeviceStatus = DeviceStatus.RUNNING
    cpuCores: Cores
    memoryMB: Megabytes
    storageMB: Megabytes
    adbHost: Id
    adbPort: Port
    host: Id | None = None
    model: Id | None = None
    tenantId: Id | None = None
    labels: Metadata | None = None

    def to_columns(self) -> dict[str, Any]:
        """Give the fields by column; an id that is missing stays out."""
        return _columns({name: value for name, value in asdict(self).items() if name != "id" or value is not None})


class DevicesBody(WireModel):
    """Many new devices; added all or none."""

    EXAMPLES = ({"devices": [_DEVICE]},)

    devices: Annotated[list[DeviceBody], Meta(min_length=1, max_length=100)]


OneOrManyDevices = Annotated[
    DeviceBody | DevicesBody, OneOf(lambda body: DevicesBody if "devices" in body else DeviceBody)
]
"""One device as it is, or many under `devices`."""

DEVICE_COLUMNS = {
    "deviceType": "device_type",
    "cpuCores": "cpu_cores",
    "memoryMB": "memory_mb",
    "storageMB": "storage_mb",
    "adbHost": "adb_host",
    "adbPort": "adb_port",
    "tenantId": "tenant_id",
}
"""The column of each field that is called otherwise."""


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {DEVICE_COLUMNS.get(name, name): value for name, value in fields.items()}


class DeviceIdsView(View):
    """Ids of the devices that were added, in the order given."""

    ids: list[str]


class DeviceIdView(View):
    """Id of the device that was changed."""

    id: str
