"""Clients of the API: each asks in turn, remembers what it was told, and asks again when it was told nothing."""

import itertools
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fault.crew import Crew
from tests.fault.history import Kind, Operation
from tests.fault.worker import FUNCTION_SECONDS
from tests.support.api import function_of, http_event

TENANTS = ("acme", "globex")
MOST_TRIES = 6
REMEMBERED = 5
MOST_RESERVATIONS = 2
SOON_MINUTES = (2, 90)
"""How far ahead a reservation begins."""
RESERVED_MINUTES = 15
"""The shortest that can be reserved."""
LEISURE_SECONDS = 4.0

PATHS = {
    Kind.ALLOCATE: ("POST", "/scheduler/devices/allocate"),
    Kind.RELEASE: ("POST", "/scheduler/devices/release"),
    Kind.LIST: ("GET", "/scheduler/devices/available"),
    Kind.EXPIRE: ("POST", "/scheduler/allocations/release-expired"),
    Kind.RENEW: ("POST", "/scheduler/allocations/{allocationId}/renew"),
    Kind.RESERVE: ("POST", "/scheduler/reservations"),
    Kind.CANCEL_RESERVATION: ("POST", "/scheduler/reservations/{reservationId}/cancel"),
    Kind.JOIN: ("POST", "/scheduler/queue"),
    Kind.CANCEL_WAIT: ("POST", "/scheduler/queue/{entryId}/cancel"),
    Kind.LOOK_AT_WAIT: ("GET", "/scheduler/queue/{entryId}"),
}
"""Names in braces are taken from the body."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What clients of a run do. Each acts for one of `users` users, so that one user's requests race too."""

    clients: int = 64
    users: int = 24
    minutes: tuple[int, ...] = (30,)
    keyed: float = 0.75
    """Share of the requests that carry an idempotency key and are repeated until they are answered."""
    promises: bool = False
    """Whether they renew, reserve and get into line, too."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client was told of one allocation."""

    id: str
    device_id: str
    fencing_token: int
    """0: it was not told."""


@dataclass
class Log:
    """All operations of a run, and how many more there shall be."""

    wanted: int
    operations: list[Operation] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    open_ended: bool = False
    """Go on beyond what is wanted, until `closing`."""
    _numbers: Any = field(default_factory=itertools.count)

    @property
    def going(self) -> bool:
        """Whether clients shall go on."""
        return not self.closing.is_set() and (self.open_ended or not self.enough)

    @property
    def enough(self) -> bool:
        """Whether there are as many as were wanted."""
        return len(self.operations) >= self.wanted

    def next_id(self) -> int:
        """Number an operation."""
        return int(next(self._numbers))


class Client:
    """One of many who borrow devices, give them back, and now and then do it wrong."""

    def __init__(self, number: int, habits: Habits, seed: int, crew: Crew, log: Log) -> None:
        """Act for one user, repeatably for a seed."""
        self._number = number
        self._seed = seed
        self._habits = habits
        self._rng = random.Random(f"{seed}/client/{number}")
        self._crew = crew
        self._log = log
        user = number % habits.users
        self.tenant, self.user = TENANTS[user % 2], f"user-{user:03}"
        self._held: list[Grant] = []
        self._past: deque[Grant] = deque(maxlen=REMEMBERED)
        self._reserved: deque[str] = deque(maxlen=MOST_RESERVATIONS)
        self._waits_as: str | None = None
        self._keys = itertools.count()
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        """The database's time, about."""

    def run(self) -> None:
        """Ask until the log says enough."""
        while self._log.going:
            self.step()
            if self._log.enough:  # faults still go on: keep asking, but leave the consumers time to follow
                self._log.closing.wait(self._rng.uniform(0, LEISURE_SECONDS))

    def step(self) -> None:
        """Do one thing: ask for a device, give one back, look, or do it wrong."""
        self._choose()()

    def _choose(self) -> Callable[[], None]:
        draw = self._rng.random()
        if draw < 0.04:
            return self._look
        if draw < 0.10 and self._past:
            return self._release_again
        if draw < 0.14 and self._held:
            return self._release_with_a_stale_token
        if self._habits.promises and draw < 0.60:
            return self._choose_a_promise(draw)
        if self._held and self._rng.random() < 0.35 + 0.2 * len(self._held):
            return self._release
        return self._allocate

    def _choose_a_promise(self, draw: float) -> Callable[[], None]:
        if draw < 0.32 and self._held:
            return self._renew
        if draw < 0.40:
            return self._cancel_a_reservation if len(self._reserved) == MOST_RESERVATIONS else self._reserve
        if self._waits_as is None:
            return self._join
        return self._look_at_the_wait if draw < 0.56 else self._cancel_the_wait

    def _renew(self) -> None:
        grant = self._rng.choice(self._held)
        self._ask_until_answered(Kind.RENEW, {"allocationId": grant.id, "additionalMinutes": self._rng.randint(1, 20)})

    def reserve(self, minutes: int, ahead_minutes: tuple[int, int] = SOON_MINUTES) -> Operation:
        """Ask for a window that begins soon."""
        start = self.now() + timedelta(minutes=self._rng.uniform(*ahead_minutes))
        body = {"userId": self.user, "startTime": start.isoformat(), "durationMinutes": minutes}
        return self._ask_until_answered(Kind.RESERVE, body)

    def _reserve(self) -> None:
        done = self.reserve(RESERVED_MINUTES)
        if done.status == 201:
            self._reserved.append(done.data["reservationId"])

    def _cancel_a_reservation(self) -> None:
        self._ask_until_answered(Kind.CANCEL_RESERVATION, {"reservationId": self._reserved.popleft()})

    def _join(self) -> None:
        body = {"userId": self.user, "durationMinutes": self._rng.choice(self._habits.minutes)}
        done = self._ask_until_answered(Kind.JOIN, body)
        self._waits_as = done.data["id"] if done.status == 201 else None

    def _look_at_the_wait(self) -> None:
        """See whether it is over; a device that came of it is held like any other."""
        done = self.ask(Kind.LOOK_AT_WAIT, {"entryId": self._waits_as}, None)
        if done.status == 200 and done.data["status"] != "waiting":
            self._waits_as = None
            if done.data["status"] == "fulfilled":
                self._held.append(Grant(done.data["allocationId"], done.data["deviceId"], 0))

    def _cancel_the_wait(self) -> None:
        self._ask_until_answered(Kind.CANCEL_WAIT, {"entryId": self._waits_as})
        self._waits_as = None

    def _allocate(self) -> None:
        body = {"userId": self.user, "durationMinutes": self._rng.choice(self._habits.minutes)}
        done = self._ask_until_answered(Kind.ALLOCATE, body)
        if done.status == 201:
            told = done.data
            self._held.append(Grant(told["allocationId"], told["deviceId"], told["fencingToken"]))

    def _release(self) -> None:
        grant = self._held.pop(self._rng.randrange(len(self._held)))
        body: dict[str, Any] = {"deviceId": grant.device_id, "userId": self.user}
        draw = self._rng.random()
        if draw < 0.8:
            body["allocationId"] = grant.id
        if draw > 0.5 and grant.fencing_token:
            body["fencingToken"] = grant.fencing_token
        done = self._ask_until_answered(Kind.RELEASE, body)
        if done.unknown or done.status == 503:
            self._held.append(grant)
        else:
            self._past.append(grant)

    def _release_again(self) -> None:
        """Late or repeated: this one is over, and somebody else may hold the device by now."""
        grant = self._rng.choice(self._past)
        self.ask(Kind.RELEASE, {"deviceId": grant.device_id, "userId": self.user, "allocationId": grant.id}, None)

    def _release_with_a_stale_token(self) -> None:
        grant = self._rng.choice(self._held)
        stale = {"deviceId": grant.device_id, "userId": self.user, "fencingToken": max(grant.fencing_token - 1, 0)}
        self.ask(Kind.RELEASE, stale, None)

    def _look(self) -> None:
        self.ask(Kind.LIST, {}, None)

    def _ask_until_answered(self, kind: Kind, body: Mapping[str, Any]) -> Operation:
        key = f"key-{self._seed}-{self._number}-{next(self._keys)}" if self._rng.random() < self._habits.keyed else None
        done = self.ask(kind, body, key)
        for _ in range(MOST_TRIES if key else 0):
            if not (done.unknown or done.status == 503 or done.answer.get("code") == "request_in_progress"):
                break
            time.sleep(self._rng.uniform(0.05, 0.3))
            done = self.ask(kind, body, key)
        return done

    def ask(self, kind: Kind, body: Mapping[str, Any], key: str | None, seconds: float = FUNCTION_SECONDS) -> Operation:
        """Send one request and note what came of it; the function is stopped after `seconds`."""
        method, pattern = PATHS[kind]
        path, sent = pattern.format_map(body), {name: body[name] for name in body if f"{{{name}}}" not in pattern}
        claims = {"sub": "shop", "tenant_id": self.tenant, "scope": "scheduler.service"}
        headers = {"idempotency-key": key} if key else None
        event = http_event(method, path, claims, sent or None, headers=headers)
        number, started = self._log.next_id(), time.monotonic_ns()
        reply = self._crew.invoke(function_of(method, path), event, seconds)
        status, answer, retry_after = None, {}, None
        if reply is not None and reply.answer is None:
            status, answer = 500, {"code": reply.error}
        elif reply is not None:
            status, answer = reply.answer["statusCode"], _parsed(kind, reply.answer["body"])
            retry_after = (reply.answer.get("headers") or {}).get("Retry-After")
        done = Operation(
            number, self._number, kind, self.tenant, self.user, started, time.monotonic_ns(), body, key,
            status, answer, retry_after,
        )  # fmt: skip
        self._log.operations.append(done)
        return done


def _parsed(kind: Kind, body: str) -> Mapping[str, Any]:
    """Read an answer; what a list holds is of no interest to the history."""
    parsed: Mapping[str, Any] = json.loads(body)
    return {name: parsed[name] for name in parsed if name != "data"} if kind is Kind.LIST else parsed


def run_clients(clients: list[Client]) -> list[threading.Thread]:
    """Start each in a thread of its own."""
    threads = [threading.Thread(target=client.run, name="client", daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    return threads
