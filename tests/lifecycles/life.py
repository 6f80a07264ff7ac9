"""One life of an allocation: granted, perhaps renewed, met by what befalls its device or its user, and ended."""

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.fault.crew import Crew
from tests.lifecycles.mail import sqs_record
from tests.support.api import OPERATOR, SERVICE, TENANT, Claims, function_of, http_event

TRIES = 200
"""A call that a killed function did not answer is made again, under its key."""

BUSY_FLEET_SECONDS = 0.2

INCIDENTS = {
    "nothing": 40,
    "device fails": 18,
    "device stops": 6,
    "maintenance": 8,
    "operator moves it": 6,
    "operator revokes it": 8,
    "user suspended": 6,
    "payments fail": 4,
    "fails twice": 4,
}
ENDS = {"released": 60, "left to expire": 40}


class NotAnswered(Exception):
    """A call was killed again and again."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What a host told of a device: when it failed, as the event says. Whoever had it then is credited from there."""

    device_id: str
    at: datetime


@dataclass
class Diary:
    """What the drivers know of their lives."""

    lives: int = 0
    incidents: list[Incident] = field(default_factory=list)
    newest: dict[str, datetime] = field(default_factory=dict)
    """The time of the newest event of each device: an older one would change nothing."""
    happened: dict[str, int] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """Count what happened."""
        self.happened[what] = self.happened.get(what, 0) + 1


class Life:
    """Lives one life with its own random numbers; calls go to real handlers in workers that may be killed."""

    def __init__(self, number: int, seed: int, crew: Crew, now: Callable[[], datetime], diary: Diary) -> None:
        """Take what tells the database's time."""
        self.user = f"life-{number}"
        self._rng = random.Random(f"{seed} {number}")
        self._crew = crew
        self._now = now
        self._diary = diary

    def live(self) -> None:
        """Live it to its end, or to where only time will end it."""
        allocation_id = self._begin()
        self._diary.lives += 1
        if self._rng.random() < 0.3:
            self._call("POST", f"allocations/{allocation_id}/renew", SERVICE, {"additionalMinutes": 5})
        incident = self._choose(INCIDENTS)
        self._diary.note(incident)
        self._befall(incident, allocation_id)
        if self._choose(ENDS) == "released" and (device := self._device_of(allocation_id)):
            self._call("POST", "devices/release", SERVICE, {"deviceId": device, "allocationId": allocation_id})

    def _begin(self) -> str:
        """Be lent a device; while all are taken, ask again."""
        wish = {"userId": self.user, "durationMinutes": self._minutes()}
        for _ in range(TRIES):
            lent = self._call("POST", "devices/allocate", SERVICE, wish)
            if lent["statusCode"] == 201:
                return str(lent["data"]["allocationId"])
            self._diary.note(f"refused: {lent['code']}")
            time.sleep(BUSY_FLEET_SECONDS)
        raise NotAnswered("devices/allocate")

    def _befall(self, incident: str, allocation_id: str) -> None:
        match incident:
            case "device fails" | "device stops" | "maintenance":
                self._device(incident, allocation_id)
            case "fails twice":
                self._device("device fails", allocation_id)
                self._device("device stops", allocation_id)
            case "operator moves it":
                self._call("POST", f"allocations/{allocation_id}/failover", OPERATOR, {"reason": "Rack moves"})
            case "operator revokes it":
                self._call("POST", f"allocations/{allocation_id}/revoke", OPERATOR, {"reason": "Abuse"})
            case "user suspended":
                self._tell("user.suspended", {"userId": self.user, "tenantId": TENANT})
            case "payments fail":
                for number in range(3):
                    payment = {"userId": self.user, "tenantId": TENANT, "paymentId": f"{self.user}-{number}"}
                    self._tell("billing.payment_failed", payment)

    def _device(self, incident: str, allocation_id: str) -> None:
        device = self._device_of(allocation_id)
        if device is None:
            return
        at = self._now() - timedelta(seconds=self._rng.choice((0, 0, 5, 120, 86400)))
        kind, data = {
            "device fails": ("device.failed", {"reason": "no answer"}),
            "device stops": ("device.status_changed", {"oldStatus": "running", "newStatus": "stopped"}),
            "maintenance": ("device.maintenance", {"maintenanceType": "battery"}),
        }[incident]
        at = max(at, self._diary.newest.get(device, at))
        self._diary.incidents.append(Incident(device, at))
        self._tell(kind, {"deviceId": device, **data}, at)
        self._diary.newest[device] = self._now()
        back = {"deviceId": device, "oldStatus": "stopped", "newStatus": "running"}
        self._tell("device.status_changed", back, self._diary.newest[device])
        self._call("POST", f"devices/{device}/restore", OPERATOR, None)  # where it was quarantined

    def _device_of(self, allocation_id: str) -> str | None:
        found = self._call("GET", f"allocations/{allocation_id}", SERVICE, None)["data"]
        return str(found["deviceId"]) if found["status"] == "allocated" else None

    def _tell(self, kind: str, data: Mapping[str, Any], at: datetime | None = None) -> None:
        """Send an event in; it may come twice, and comes again until a function has applied it."""
        event = {
            "specversion": "1.0",
            "id": str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            "type": kind,
            "source": "/lives",
            "time": (at or self._now()).isoformat(),
            "data": dict(data),
        }
        sent_ms = int(self._now().timestamp() * 1000) + 1
        record = sqs_record("0", event, self.user, sent_ms)
        wanted, applied = self._rng.choice((1, 1, 2)), 0
        for _ in range(TRIES):
            reply = self._crew.invoke("consume", {"Records": [record]}, 60.0)
            applied += reply is not None and reply.answer == {"batchItemFailures": []}
            if applied == wanted:
                return
        raise NotAnswered(kind)

    def _call(self, method: str, path: str, claims: Claims, body: Any) -> dict[str, Any]:
        """Make a request until it is answered for good, under one key."""
        whole = f"/scheduler/{path}"
        key = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        headers = {"idempotency-key": key} if method == "POST" else {}
        event = http_event(method, whole, claims, body, headers=headers)
        for _ in range(TRIES):
            reply = self._crew.invoke(function_of(method, whole), event)
            if reply is None or reply.answer is None or reply.answer["statusCode"] >= 500:
                continue
            document = json.loads(reply.answer["body"])
            if document.get("code") in {"user_busy", "request_in_progress"}:
                continue
            return {
                "statusCode": reply.answer["statusCode"],
                "data": document.get("data"),
                "code": document.get("code"),
            }
        raise NotAnswered(path)

    def _minutes(self) -> int:
        return self._rng.randint(5, 60)

    def _choose(self, weights: Mapping[str, int]) -> str:
        return self._rng.choices(list(weights), list(weights.values()))[0]
