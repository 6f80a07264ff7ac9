"""A fleet in the middle of its day, for pictures and tests: made through the API, as users and operators would."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
_MINUTES = (25, 50, 90, 180)


class Scene:
    """Speaks to the API of a region."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the region's environment: URL and tokens."""
        self._environment = environment

    def call(self, method: str, path: str, body: Any = None, *, who: str = "SERVICE") -> Any:
        """Send one request as `who` (SERVICE or OPERATOR); give the answer's data, or None when it is refused."""
        request = urllib.request.Request(
            f"{self._environment['API_URL']}/scheduler{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._environment[who + '_TOKEN']}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.loads(reply.read()).get("data")
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return None

    def play(self) -> None:
        """Lend phones, let users wait for large ones, reserve some, and take a few out of service."""
        for number, minutes in enumerate(_MINUTES):
            for user in USERS[number % 2 :]:
                self.call("POST", "/devices/allocate", {"userId": user, "durationMinutes": minutes})
        self._lend_all_large()
        for number, user in enumerate(USERS[:5]):
            wish = {"userId": user, "durationMinutes": 30, "preferredSpecs": {"minCpu": 12}, "maxWaitMinutes": 60}
            self.call("POST", "/queue", wish | {"durationMinutes": 30 + 10 * number})
        self._reserve()
        for act, device in (
            ("drain", "phone-small-21"),
            ("quarantine", "phone-medium-17"),
            ("drain", "phone-large-11"),
        ):
            self.call("POST", f"/devices/{device}/{act}", {}, who="OPERATOR")
        for device, status in (("phone-medium-16", "error"), ("phone-medium-18", "maintenance")):
            self.call("PATCH", f"/devices/{device}", {"status": status}, who="OPERATOR")

    def _lend_all_large(self) -> None:
        for number in range(6):
            wish = {"userId": f"studio-{number}", "durationMinutes": 120 + 15 * number}
            self.call("POST", "/devices/allocate", wish | {"preferredSpecs": {"minCpu": 12}})

    def _reserve(self) -> None:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for number, user in enumerate(USERS):
            start = now + timedelta(hours=2 + number % 4, minutes=15 * (number % 3))
            wish = {"userId": user, "startTime": start.isoformat(), "durationMinutes": 45 + 15 * (number % 4)}
            self.call("POST", "/reservations", wish | {"preferredSpecs": {"minCpu": 4 + 4 * (number % 2)}})


def register_many(scene: Scene, count: int, first: int = 0) -> None:
    """Add small phones numbered from `first` up to `count`, as many a call as its body may hold (16 KB)."""
    step = 90
    for start in range(first, count, step):
        devices = [
            {"id": f"rack-{n:04}", "name": f"Rack {n:04}", "deviceType": "android-14", "adbHost": "h", "adbPort": 5555}
            | {"cpuCores": 2, "memoryMB": 4096, "storageMB": 65536}
            for n in range(start, min(start + step, count))
        ]
        scene.call("POST", "/devices", {"devices": devices}, who="OPERATOR")
