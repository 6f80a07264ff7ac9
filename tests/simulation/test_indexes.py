"""At each step of random days the indexes of the line find what looking at everybody finds."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

import pytest

from scheduler.domain.model import AllocationRequest, DeviceWants, ReleaseRequest, User
from scheduler.domain.queue import QueueRequest, Tier
from scheduler.domain.quota import NO_LIMITS, QuotaLimits, QuotaTerms
from tools.simulate.memory import unheld, waiters
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.devices import MemoryDevices
from tools.simulate.memory.fleet import MemoryDevice, SpecClass
from tools.simulate.memory.queue import MemoryQueue
from tools.simulate.memory.waiters import MemoryWait, Waiters

LOOKED_AT, PATIENT_LOOKED_AT = 12, 6
"""So few that the line is longer."""
SIZES = (2, 4, 8)
USERS = [User("acme", f"user-{number}") for number in range(60)]
HOLD_MINUTES, FRESH_SECONDS = 15, 50
STEPS = 4000

type Found = tuple[MemoryWait, MemoryDevice] | None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_indexes_find_is_what_is_there(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(waiters, "LOOKED_AT", LOOKED_AT)
    monkeypatch.setattr(unheld, "PATIENT_LOOKED_AT", PATIENT_LOOKED_AT)
    seen = Counter[str]()
    for of, name, walk in (
        (Waiters, "device_to_keep", walk_to_keep),
        (Waiters, "await_class", walk_to_await),
        (MemoryQueue, "_next", walk_to_serve),
        (MemoryQueue, "drop_holds", walk_to_drop),
    ):
        monkeypatch.setattr(of, name, compared(getattr(of, name), walk, name, seen))

    day = Day(seed)
    for _ in range(STEPS):
        day.step()

    few = {what: count for what, count in seen.items() if count < 4}
    assert (len(seen), few) == (8, {}), "the day has too little in it"


class Day:
    """Anything may happen to a small fleet with a long line."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.store = MemoryAllocations()
        ids = Random(seed)
        self.store.new_id = lambda: f"{ids.getrandbits(128):032x}"
        self.queue = MemoryQueue(self.store)
        self.devices = MemoryDevices(self.store)
        for number in range(14):
            self.store.add(MemoryDevice(f"phone-{number:02}", self.draw.choice(SIZES), score=self.draw.random()))
        self.acts: Sequence[Callable[[], object]] = (
            *[self.join] * 6,
            *[self.allocate] * 2,
            *[self.release] * 3,
            *[self.dispatch] * 4,
            self.cancel,
            self.reserve,
            self.change,
            self.block,
            self.refresh,
        )

    def step(self) -> None:
        self.store.now += timedelta(seconds=self.draw.choice((0, 2, 30, 90)))
        self.draw.choice(self.acts)()
        self.queue.drop_holds(100)

    @property
    def user(self) -> User:
        return self.draw.choice(USERS)

    @property
    def wants(self) -> DeviceWants:
        return DeviceWants(min_cpu=self.draw.choice((None, None, *SIZES)))

    @property
    def terms(self) -> QuotaTerms:
        until = self.store.now + timedelta(minutes=20) if self.draw.random() < 0.1 else None
        limits = QuotaLimits(devices=self.draw.choice((None, 1, 2, 2)), cpu_cores=self.draw.choice((None, None, 8)))
        return QuotaTerms(None, until, limits)

    def join(self) -> None:
        minutes, tier = self.draw.choice((10, 30, 60)), self.draw.choice((Tier.FREE, Tier.PRO))
        request = QueueRequest(self.user, minutes, self.draw.choice((60, 90, 120)), self.wants)
        self.queue.join(request, self.terms, tier, 600 * (tier is Tier.PRO))

    def allocate(self) -> None:
        kept_for = [wait.user for wait in self.store.waiters if wait.id in self.store.fleet.holds] or [self.user]
        request = AllocationRequest(
            self.draw.choice((self.user, self.draw.choice(kept_for))),
            self.draw.choice((10, 30, 60)),
            self.wants,
            waits=True,
        )
        self.store.claim(request, self.terms, last_attempt=True)

    def release(self) -> None:
        if lent_ones := [device for device in self.store.devices if device.active]:
            self.store.release(ReleaseRequest(None, None, self.draw.choice(lent_ones).id))

    def dispatch(self) -> None:
        self.queue.expire(100)
        self.queue.drop_holds(100)
        self.store.expire_due(100)
        passed = set[str]()
        while (facts := self.queue.serve_next(passed, FRESH_SECONDS))["outcome"] != "nobody":
            for entry in facts["entries"] if facts["outcome"] == "stale" else ():
                self.queue.refresh(entry["entryId"], self.terms)
        while self.queue.hold(HOLD_MINUTES)["outcome"] == "held":
            pass

    def cancel(self) -> None:
        if line := list(self.store.waiters):
            self.queue.cancel(self.draw.choice(line).id, None, None, None)

    def reserve(self) -> None:
        device = self.draw.choice(list(self.store.devices))
        minutes = self.draw.choice((None, None, None, 20, 70))
        device.next_reserved_at = None if minutes is None else self.store.now + timedelta(minutes=minutes)
        self.store.fleet.place(device)

    def change(self) -> None:
        device = self.draw.choice(list(self.store.devices))
        self.devices.change(device.id, {"status": self.draw.choice(("running", "running", "running", "error"))})

    def block(self) -> None:
        self.store.blocked = {self.user, self.user}

    def refresh(self) -> None:
        if line := list(self.store.waiters):
            self.queue.refresh(self.draw.choice(line).id, self.terms)


def compared(quick: Callable[..., Any], walk: Callable[..., Any], name: str, seen: Counter[str]) -> Callable[..., Any]:
    """Ask both, and insist on one answer."""

    def ask(self: object, *asked: Any, **named: Any) -> Any:
        expected = walk(self, *asked, **named)
        found = quick(self, *asked, **named)
        assert found == expected, f"{name}: {found}, not {expected}"
        seen[f"{name}: {'something' if found else 'nothing'}"] += 1
        return found

    return ask


def walk_to_keep(line: Waiters, after_minutes: int) -> Found:
    now = line._store.now
    since = now - timedelta(minutes=after_minutes)
    ahead, patient = list[tuple[MemoryWait, Collection[SpecClass]]](), 0
    for wait in islice(line, LOOKED_AT):
        if wait.rank > since.timestamp() or patient == PATIENT_LOOKED_AT:
            return None
        if wait.id in line._store.fleet.holds:
            continue
        classes = line.within_reach(wait, wait.terms)
        if wait.joined_at <= since:
            patient += 1
            needed = {c for one, theirs in ahead if not one.wish.has_other_kind(wait.wish) for c in theirs}
            if devices := [
                d
                for d in line._store.devices
                if d.spec in classes and d.spec not in needed and can_be_kept(wait, d, now)
            ]:
                return wait, min(devices, key=lambda device: (back_at(device), device.kind.size, device.number))
        ahead.append((wait, classes))
    return None


def walk_to_await(line: Waiters, spec: SpecClass, next_reserved_at: datetime | None, without: User) -> bool:
    others = [wait for wait in islice(line, LOOKED_AT) if wait.user != without]
    return any(line.could_have(wait, spec, next_reserved_at, wait.terms) for wait in others)


def walk_to_serve(queue: MemoryQueue, passed: Collection[str], fresh_since: datetime) -> Found:
    for wait in islice(queue._line, LOOKED_AT):
        terms = wait.terms if wait.terms_read_at >= fresh_since else NO_LIMITS
        if wait.id not in passed and (device := queue._line.best_device(wait, terms)):
            return wait, device
    return None


def walk_to_drop(queue: MemoryQueue, limit: int) -> int:
    kept = [device for device in queue._store.devices if device.held_for]
    return min(sum(queue._is_useless(device.held_for, device) for device in kept if device.held_for), limit)


def can_be_kept(wait: MemoryWait, device: MemoryDevice, now: datetime) -> bool:
    """Tell whether it is lent, kept for nobody, and has her minutes to give when it comes back."""
    if device.active is None or device.held_for is not None or device.status != "running":
        return False
    return device.is_unreserved_until(max(device.active.expires_at, now) + timedelta(minutes=wait.minutes))


def back_at(device: MemoryDevice) -> datetime:
    assert device.active
    return device.active.expires_at
