"""At each step of random days reservations in memory stand where looking at all of them finds them."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import combinations
from random import Random

import pytest

from scheduler.domain.model import AllocationRequest, DeviceWants, ReleaseRequest, User
from scheduler.domain.quota import NO_LIMITS
from scheduler.domain.reservation import Booking, ReservationStatus
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.booked import MemoryReservation
from tools.simulate.memory.calendar import MemoryCalendar
from tools.simulate.memory.devices import MemoryDevices
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.reservations import MemoryReservations

STEPS = 1500
USERS = [User("acme", f"user-{number}") for number in range(12)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_promised_is_where_it_is_looked_for(seed: int) -> None:
    day = Day(seed)
    for _ in range(STEPS):
        day.step()

    assert {*day.became} >= {"cancelled", "completed", "executing", "expired", "failed", "moved"}


class Day:
    """Anything may happen to a small fleet with many bookings."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.store = MemoryAllocations()
        self.became = Counter[str]()
        self.reservations, self.calendar = MemoryReservations(self.store), MemoryCalendar(self.store)
        self.devices = MemoryDevices(self.store)
        for number in range(8):
            self.store.add(MemoryDevice(f"phone-{number}", self.draw.choice((2, 4)), score=self.draw.random()))
        self.acts: Sequence[Callable[[], object]] = (
            *[self.book] * 5,
            *[self.allocate] * 2,
            *[self.keep] * 6,
            *[self.change] * 2,
            self.release,
            self.cancel,
        )

    def step(self) -> None:
        self.store.now += timedelta(minutes=self.draw.choice((0, 1, 5, 20)))
        self.draw.choice(self.acts)()
        self.check()

    def book(self) -> None:
        starts = (self.store.now + timedelta(minutes=self.draw.randrange(1, 400)),)
        wants = DeviceWants(min_cpu=self.draw.choice((None, 4)))
        self.reservations.book(Booking(self.draw.choice(USERS), starts, self.draw.choice((15, 60)), wants), NO_LIMITS)

    def allocate(self) -> None:
        asked = AllocationRequest(self.draw.choice(USERS), self.draw.choice((10, 60)))
        facts = self.store.claim(asked, NO_LIMITS, last_attempt=True)
        if facts["outcome"] == "granted":
            reserved_at = self.store.fleet.devices[facts["deviceId"]].next_reserved_at
            assert reserved_at is None or reserved_at >= self.store.now + timedelta(minutes=asked.minutes)

    def keep(self) -> None:
        for reservation_id in self.calendar.to_expire():
            self.calendar.expire(reservation_id)
        self.calendar.clear_devices()
        for due in self.calendar.to_execute(None):
            self.calendar.execute(due.id, NO_LIMITS, last_attempt=True)
        for endangered in self.calendar.in_danger(None):
            self.became[self.calendar.move(endangered.id, NO_LIMITS, 15)["outcome"]] += 1
        for unclaimed in self.calendar.unclaimed(10):
            self.calendar.end_no_show(unclaimed, 10)
        self.store.expire_due(100)

    def change(self) -> None:
        device = self.draw.choice([*self.store.devices])
        self.devices.change(device.id, {"status": self.draw.choice(("running", "running", "error"))})

    def release(self) -> None:
        if lent := [device for device in self.store.devices if device.active]:
            self.store.release(ReleaseRequest(None, None, self.draw.choice(lent).id))

    def cancel(self) -> None:
        if pending := self.store.booked.pending:
            self.reservations.cancel(self.draw.choice(pending).id, None, None, None)

    def check(self) -> None:
        booked = self.store.booked
        every = [*booked.by_id.values()]
        self.became.update(str(one.status) for one in every)
        pending = sorted((one for one in every if one.status is ReservationStatus.PENDING), key=lambda one: one.place)
        assert booked.pending == pending
        assert booked.endangered() == [one for one in pending if not one.is_still_served]
        for device in self.store.devices:
            mine = [one for one in pending if one.device is device]
            assert device.next_reserved_at == (mine[0].starts_at if mine else None)
            assert not any(_overlap(*two) for two in combinations(mine, 2))


def _overlap(one: MemoryReservation, other: MemoryReservation) -> bool:
    return one.overlaps(other.starts_at, other.ends_at)
