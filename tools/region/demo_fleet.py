"""Sixty phones of mixed sizes, registered through the API as an operator would."""

import json
import urllib.error
import urllib.request
from typing import Any

from tools.region.processes import RegionError

# size: (how many, CPU cores, memory in MB, storage in MB)
SIZES = {
    "small": (24, 2, 4096, 65536),
    "medium": (18, 4, 8192, 131072),
    "large": (12, 8, 16384, 262144),
    "xlarge": (6, 12, 24576, 524288),
}
_TYPES = ("android-14", "android-13")
_FIRST_ADB_PORT = 5555


def devices() -> list[dict[str, Any]]:
    """Return the fleet as the bodies of POST /scheduler/devices."""
    fleet: list[dict[str, Any]] = []
    for size, (count, cores, memory_mb, storage_mb) in SIZES.items():
        for number in range(1, count + 1):
            fleet.append(
                {
                    "id": f"phone-{size}-{number:02}",
                    "name": f"Phone {size} {number:02}",
                    "deviceType": _TYPES[number % len(_TYPES)],
                    "status": "running",
                    "cpuCores": cores,
                    "memoryMB": memory_mb,
                    "storageMB": storage_mb,
                    "adbHost": "127.0.0.1",
                    "adbPort": _FIRST_ADB_PORT + 2 * len(fleet),
                }
            )
    return fleet


def register(api_url: str, operator_token: str) -> int:
    """Register the fleet and return how many phones it has; raise RegionError when the API refuses."""
    fleet = devices()
    request = urllib.request.Request(
        f"{api_url}/scheduler/devices",
        data=json.dumps({"devices": fleet}).encode(),
        headers={"Authorization": f"Bearer {operator_token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30):
            return len(fleet)
    except urllib.error.HTTPError as refusal:
        raise RegionError(f"the demo fleet was refused: {refusal.code} {refusal.read().decode()[:500]}") from refusal
    except OSError as problem:
        raise RegionError(f"the API did not answer: {problem}") from problem
