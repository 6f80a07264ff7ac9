"""What the figures were measured on; no names of hosts or people."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

_LOOK_SECONDS = 1.0


def machine_facts(postgres: Mapping[str, str]) -> dict[str, Any]:
    """Give the machine, how busy it is while nothing of ours is, the versions, the server's settings."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "busy_before_percent": round(psutil.cpu_percent(_LOOK_SECONDS)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "postgres": postgres["server_version"],
        "postgres_settings": {name: value for name, value in postgres.items() if name != "server_version"},
    }


def cores_and_load() -> str:
    """Say in a few words what something ran on."""
    return f"{os.cpu_count()} cores ({_cpu_model()}), load average {os.getloadavg()[0]:.0f}"


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
