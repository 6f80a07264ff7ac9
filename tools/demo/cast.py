"""Who plays: a tenant, users and devices of their own, so that a demo disturbs nobody and can be played again."""

import secrets
from dataclasses import dataclass, field
from typing import Any

# kind: (how many, CPU cores, memory in MB, storage in MB)
_KINDS = {
    "phone": (5, 4, 8192, 131072),
    "tablet": (1, 8, 16384, 262144),
    "foldable": (1, 8, 12288, 262144),
    "mini": (1, 2, 4096, 65536),
}


@dataclass(frozen=True)
class Cast:
    """The names of one demo. Its devices are dedicated to its tenant: nobody else is ever lent one."""

    run: str = field(default_factory=lambda: secrets.token_hex(3))

    @property
    def tenant_id(self) -> str:
        """The tenant that all users belong to."""
        return f"demo-{self.run}"

    def user_id(self, name: str) -> str:
        """Id of the user whom the story calls by this name."""
        return f"{name.lower()}-{self.run}"

    def device_type(self, kind: str) -> str:
        """Type of the devices that the story calls so; asked for by every request."""
        return f"demo-{kind}"

    def device_id(self, label: str) -> str:
        """Id of the device that the story calls so."""
        return f"{self.tenant_id}-{label}"

    def label(self, device_id: str) -> str:
        """What the story calls a device."""
        return device_id.removeprefix(f"{self.tenant_id}-")

    def labels(self) -> list[str]:
        """What the story calls the devices."""
        return [f"{kind}-{number}" for kind, (count, *_) in _KINDS.items() for number in range(1, count + 1)]

    def devices(self) -> list[dict[str, Any]]:
        """Return the fleet as the bodies of POST /scheduler/devices."""
        return [self._device(label, number) for number, label in enumerate(self.labels())]

    def _device(self, label: str, number: int) -> dict[str, Any]:
        kind = label.partition("-")[0]
        _, cores, memory_mb, storage_mb = _KINDS[kind]
        return {
            "id": self.device_id(label),
            "name": f"Demo {label}",
            "deviceType": self.device_type(kind),
            "tenantId": self.tenant_id,
            "cpuCores": cores,
            "memoryMB": memory_mb,
            "storageMB": storage_mb,
            "adbHost": "127.0.0.1",
            "adbPort": 6555 + 2 * number,
        }
