"""Add, change and list devices."""

# ruff: noqa: N815  wire names
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, Tag

from scheduler.domain.model import (
    DeviceStatus,
    FreeDevice,
)
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


def _left_out() -> Any:
    """Make a field that may be left out, but not be null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class DeviceChanges(WireModel):
    """Fields of a device to change; those left out stay. Null clears host, model and tenantId."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "maintenance"}]})

    name: Id = _left_out()
    deviceType: ShortText = _left_out()
    status: Annotated[DeviceStatus, Field(strict=False)] = _left_out()
    cpuCores: Cores = _left_out()
    memoryMB: Megabytes = _left_out()
    storageMB: Megabytes = _left_out()
    adbHost: Id = _left_out()
    adbPort: Port = _left_out()
    host: Id | None = None
    model: Id | None = None
    tenantId: Id | None = None
    labels: Metadata = _left_out()

    def to_changes(self) -> dict[str, Any]:
        """Give the named fields by column."""
        return _columns(self.model_dump(include=self.model_fields_set))


class DeviceBody(WireModel):
    """A new device; without an id it gets one, without a tenant it serves all."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DEVICE]})

    id: DeviceId | None = None
    name: Id
    deviceType: ShortText
    status: Annotated[DeviceStatus, Field(strict=False)] = DeviceStatus.RUNNING
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
        return _columns({name: value for name, value in self.model_dump().items() if name != "id" or value is not None})


class DevicesBody(WireModel):
    """Many new devices; added all or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"devices": [_DEVICE]}]})

    devices: Annotated[list[DeviceBody], Field(min_length=1, max_length=100)]


def _one_or_many(body: Any) -> str:
    return "(many)" if isinstance(body, DevicesBody) or (isinstance(body, dict) and "devices" in body) else "(one)"


OneOrManyDevices = Annotated[
    Annotated[DeviceBody, Tag("(one)")] | Annotated[DevicesBody, Tag("(many)")], Discriminator(_one_or_many)
]
"""One device as it is, or many under `devices`: told apart first, so that errors speak of the right one."""

_DEVICE_COLUMNS = {
    "deviceType": "device_type",
    "cpuCores": "cpu_cores",
    "memoryMB": "memory_mb",
    "storageMB": "storage_mb",
    "adbHost": "adb_host",
    "adbPort": "adb_port",
    "tenantId": "tenant_id",
}


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_DEVICE_COLUMNS.get(name, name): value for name, value in fields.items()}


class DeviceIdsView(View):
    """Ids of the devices that were added, in the order given."""

    ids: list[str]


class DeviceIdView(View):
    """Id of the device that was changed."""

    id: str
