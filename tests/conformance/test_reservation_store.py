"""What every store of reservations does, as far as the simulator asks: the same cases in memory and on Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.domain.model import AllocationStatus, DeviceWants, EndedAllocation, ReleaseRequest, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import Tier
from scheduler.domain.quota import NO_LIMITS, QuotaLimits, QuotaTerms
from scheduler.domain.reservation import Booking, Reservation
from scheduler.ports import AllocationStore, DeviceStore
from scheduler.ports.queue import QueueStore
from scheduler.ports.reservations import ReservationCalendar
from tests.support.clock import Clock
from tests.support.contenders import add_devices, request
from tests.support.waiters import wish
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.calendar import MemoryCalendar
from tools.simulate.memory.devices import MemoryDevices
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.queue import MemoryQueue
from tools.simulate.memory.reservations import MemoryReservations
from tools.simulate.stage import Reservations

NO_SHOW_MINUTES, NOTICE_MINUTES = 10, 15
KEY = RequestKey("acme", "user:alice", "POST /reservations", "k-1", "hash")
ONE_DEVICE = QuotaTerms(None, None, QuotaLimits(devices=1))
SUSPENDED = QuotaTerms("Quota suspended", None, QuotaLimits())


class World(Protocol):
    """All stores, a fleet and a clock that stands still."""

    allocations: AllocationStore
    reservations: Reservations
    calendar: ReservationCalendar
    devices: DeviceStore
    queue: QueueStore

    @property
    def now(self) -> datetime: ...

    def add(self, name: str, cpu_cores: int = 4) -> None: ...

    def advance(self, minutes: float) -> None: ...


@dataclass
class MemoryWorld:
    allocations: MemoryAllocations = field(default_factory=MemoryAllocations)

    def __post_init__(self) -> None:
        self.reservations, self.calendar = MemoryReservations(self.allocations), MemoryCalendar(self.allocations)
        self.devices, self.queue = MemoryDevices(self.allocations), MemoryQueue(self.allocations)

    @property
    def now(self) -> datetime:
        return self.allocations.now

    def add(self, name: str, cpu_cores: int = 4) -> None:
        self.allocations.add(MemoryDevice(f"{name}-0000", cpu_cores))

    def advance(self, minutes: float) -> None:
        self.allocations.now += timedelta(minutes=minutes)


@dataclass
class PostgresWorld:
    database: Database
    clock: Clock

    def __post_init__(self) -> None:
        self.clock.stop()
        self.allocations, self.devices = PostgresAllocations(self.database), PostgresDevices(self.database)
        self.reservations = PostgresReservations(self.database)
        self.calendar, self.queue = PostgresReservationCalendar(self.database), PostgresQueue(self.database)

    @property
    def now(self) -> datetime:
        return self.clock.read()

    def add(self, name: str, cpu_cores: int = 4) -> None:
        add_devices(self.database, 1, prefix=name, cpu_cores=cpu_cores)

    def advance(self, minutes: float) -> None:
        self.clock.advance(minutes=minutes)


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return MemoryWorld()
    return PostgresWorld(request.getfixturevalue("database"), request.getfixturevalue("clock"))


def ask(world: World, user: str, *in_minutes: float, terms: QuotaTerms = NO_LIMITS, **asked: Any) -> Facts:
    """Ask for windows of an hour, so many minutes from now."""
    starts = tuple(world.now + timedelta(minutes=after) for after in in_minutes)
    wants = DeviceWants(min_cpu=asked.get("min_cpu"))
    booking = Booking(User("acme", user), starts, asked.get("minutes", 60), wants, key=asked.get("key"))
    return world.reservations.book(booking, terms)


def book(world: World, user: str = "alice", in_minutes: float = 60, **asked: Any) -> str:
    """Book one window; give its id."""
    facts = ask(world, user, in_minutes, **asked)
    assert facts["outcome"] == "booked", facts
    return str(facts["reservations"][0]["reservationId"])


def told(world: World, reservation_id: str) -> Reservation:
    found = world.reservations.find(reservation_id, "acme", None)
    assert found is not None
    return found


def state(world: World, reservation_id: str) -> tuple[str, str]:
    """How it stands, and on which device."""
    found = told(world, reservation_id)
    return str(found.status), found.device_id.removesuffix("-0000")


def claim(world: World, user: str = "holder", minutes: int = 30, **wants: Any) -> Facts:
    asked = replace(request(user, minutes, DeviceWants(**wants)), waits=True)
    return world.allocations.claim(asked, NO_LIMITS, last_attempt=True)


def lent(world: World, user: str = "holder", minutes: int = 30, **wants: Any) -> str:
    """Take a device; say which."""
    facts = claim(world, user, minutes, **wants)
    assert facts["outcome"] == "granted", facts
    return str(facts["deviceId"]).removesuffix("-0000")


def execute(world: World, reservation_id: str, terms: QuotaTerms = NO_LIMITS, *, last_attempt: bool = True) -> Facts:
    return world.calendar.execute(reservation_id, terms, last_attempt=last_attempt)


def break_down(world: World, name: str) -> None:
    world.devices.change(f"{name}-0000", {"status": "error"})


def ends(ended: Sequence[EndedAllocation]) -> list[tuple[str, AllocationStatus, int]]:
    return [(one.user.user_id, one.status, one.duration_seconds) for one in ended]


def test_a_booking_binds_the_smallest_device_that_fits(world: World) -> None:
    world.add("big", 8)
    world.add("small", 2)
    world.add("middle", 4)

    reservation = told(world, book(world, min_cpu=4))

    start = world.now + timedelta(minutes=60)
    assert (str(reservation.status), reservation.device_id) == ("pending", "middle-0000")
    assert (reservation.window.starts_at, reservation.window.ends_at) == (start, start + timedelta(minutes=60))
    assert (reservation.user, reservation.wants.min_cpu) == (User("acme", "alice"), 4)
    assert world.reservations.find(reservation.id, "globex", None) is None
    assert world.reservations.find(reservation.id, "acme", "bob") is None


def test_no_two_windows_of_a_device_overlap(world: World) -> None:
    world.add("d")
    book(world, "alice", 60)

    for after in (60, 1, 119, 30, 90):
        refused = ask(world, "bob", after)
        assert refused["outcome"] == "reservation_conflict", after
        assert len(refused["conflicts"]) == 1
    assert ask(world, "bob", 0.5, minutes=59)["outcome"] == "booked"
    assert [ask(world, "bob", after)["outcome"] for after in (180, 120)] == ["booked", "booked"], "they touch"
    assert ask(world, "carol", 59.5, minutes=240)["outcome"] == "reservation_conflict", "around all of them"


def test_free_devices_are_promised_before_those_that_come_back(world: World) -> None:
    for name in "abcd":
        world.add(name)
    later, soon, too_late = lent(world, minutes=50), lent(world, minutes=20), lent(world, minutes=90)
    (free,) = {*"abcd"} - {later, soon, too_late}

    booked = [state(world, book(world, f"user-{number}", 60)) for number in range(3)]

    assert booked == [("pending", free), ("pending", soon), ("pending", later)]
    assert ask(world, "late", 60)["outcome"] == "reservation_conflict"


def test_what_is_lent_beyond_the_start_cannot_be_promised(world: World) -> None:
    world.add("d")
    lent(world, minutes=60)

    assert ask(world, "alice", 59)["outcome"] == "reservation_conflict"
    assert ask(world, "alice", 60)["outcome"] == "booked"


def test_no_claim_runs_into_a_reservation(world: World) -> None:
    world.add("d")
    book(world, "alice", 60)

    assert claim(world, "bob", minutes=61)["outcome"] == "none_free"
    assert claim(world, "alice", minutes=61)["outcome"] == "none_free", "not even her own"
    assert claim(world, "bob", minutes=60)["outcome"] == "granted"


def test_no_waiter_is_served_into_a_reservation(world: World) -> None:
    world.add("d")
    lent(world, "holder", 10)
    world.queue.join(wish("long", minutes=60), NO_LIMITS, Tier.FREE, 0)
    world.queue.join(wish("short", minutes=20), NO_LIMITS, Tier.FREE, 0)
    book(world, "alice", 30)
    world.allocations.release(ReleaseRequest(None, None, "d-0000"))

    assert world.queue.serve_next([], 50)["userId"] == "short"


def test_a_device_is_free_between_two_reservations(world: World) -> None:
    world.add("d")
    first, second = book(world, "alice", 60), book(world, "bob", 180)
    world.advance(60)
    execute(world, first)
    world.advance(60)
    world.allocations.expire_due(10)

    assert claim(world, "carol", minutes=61)["outcome"] == "none_free"
    assert lent(world, "carol", minutes=60) == "d"
    assert state(world, second) == ("pending", "d")


def test_a_reservation_begins_at_its_start_and_ends_with_its_window(world: World) -> None:
    world.add("d")
    reservation = book(world)
    world.advance(59.99)
    assert (world.calendar.to_execute(None), execute(world, reservation)) == ([], {"outcome": "not_due"})
    world.advance(0.02)

    (due,) = world.calendar.to_execute(None)
    facts = execute(world, due.id)

    assert (due.id, facts["outcome"], facts["deviceId"]) == (reservation, "executed", "d-0000")
    assert datetime.fromisoformat(facts["expiresAt"]) == due.window.ends_at
    begun = told(world, reservation)
    assert (begun.allocation_id, begun.executed_at) == (facts["allocationId"], world.now)
    assert state(world, reservation) == ("executing", "d")
    assert (execute(world, reservation), world.calendar.to_execute(None)) == ({"outcome": "not_due"}, [])
    world.advance(60)
    assert ends(world.allocations.expire_due(10)) == [("alice", AllocationStatus.EXPIRED, 3599)]
    assert state(world, reservation) == ("completed", "d")


def test_what_is_given_back_early_may_be_promised_again(world: World) -> None:
    world.add("d")
    reservation = book(world, in_minutes=10)
    world.advance(10)
    execute(world, reservation)
    world.advance(10)
    assert ask(world, "bob", 10)["outcome"] == "reservation_conflict"

    world.allocations.release(ReleaseRequest("acme", "alice", "d-0000"))

    assert state(world, reservation) == ("completed", "d")
    assert ask(world, "bob", 10)["outcome"] == "booked"


def test_a_page_of_what_is_due_goes_on_after_the_last(world: World) -> None:
    for name in "abc":
        world.add(name)
    reservations = [book(world, f"user-{after}", after) for after in (3, 1, 2)]
    world.advance(5)

    due = world.calendar.to_execute(None)
    rest = world.calendar.to_execute((due[0].window.starts_at, due[0].id))

    assert [one.id for one in due] == [reservations[1], reservations[2], reservations[0]]
    assert [one.id for one in rest] == [reservations[2], reservations[0]]


def test_a_cancelled_reservation_leaves_its_device_free(world: World) -> None:
    world.add("d")
    reservation, later = book(world, "alice", 60), book(world, "bob", 180)
    assert world.reservations.cancel(reservation, "acme", "bob", None)["outcome"] == "reservation_not_found"

    facts = world.reservations.cancel(reservation, "acme", "alice", KEY)

    assert (facts["outcome"], facts["reservation"]["status"]) == ("cancelled", "cancelled")
    assert world.reservations.cancel(reservation, "acme", "alice", KEY) == facts
    assert world.reservations.cancel(reservation, None, None, None)["outcome"] == "reservation_not_pending"
    assert claim(world, "carol", minutes=181)["outcome"] == "none_free"
    assert claim(world, "carol", minutes=180)["outcome"] == "granted"
    assert state(world, later) == ("pending", "d")


def test_the_quota_counts_what_is_reserved_at_one_time(world: World) -> None:
    for name in "abc":
        world.add(name)
    book(world, in_minutes=60, terms=ONE_DEVICE)

    refused = ask(world, "alice", 90, terms=ONE_DEVICE)

    assert (refused["outcome"], refused["remainingDevices"]) == ("over_quota", 0)
    assert refused["reason"] == "Device quota exceeded. Max: 1, Current: 1"
    assert ask(world, "alice", 120, terms=ONE_DEVICE)["outcome"] == "booked"
    assert ask(world, "bob", 90, terms=ONE_DEVICE)["outcome"] == "booked"
    two = QuotaTerms(None, None, QuotaLimits(devices=2))
    assert ask(world, "alice", 110, minutes=30, terms=two)["outcome"] == "booked", "one at a time overlaps"
    assert ask(world, "alice", 60, terms=SUSPENDED)["reason"] == "Quota suspended"


@pytest.mark.parametrize(
    ("in_minutes", "detail"),
    [(0, "must be in the future: "), (-5, "must be in the future: "), (129_601, "must be at most 90 days ahead: ")],
)
def test_a_start_lies_in_the_next_ninety_days(world: World, in_minutes: float, detail: str) -> None:
    world.add("d")

    facts = ask(world, "alice", in_minutes)

    assert facts["outcome"] == "wrong_start"
    assert facts["detail"].startswith(detail)


def test_a_series_is_booked_whole_or_not_at_all_on_one_device_where_it_can(world: World) -> None:
    world.add("a")
    world.add("b")
    book(world, "bob", 200)
    facts = ask(world, "alice", 60, 120)
    assert [one["deviceId"] for one in facts["reservations"]] == ["a-0000", "a-0000"]
    assert len({one["seriesId"] for one in facts["reservations"]} - {None}) == 1
    world.devices.change("b-0000", {"status": "error"})

    refused = ask(world, "carol", 210, 300, 400)

    assert refused["outcome"] == "reservation_conflict"
    assert len(refused["conflicts"]) == 1
    assert ask(world, "dora", 300)["outcome"] == "booked", "nothing was kept of it"


def test_the_same_key_is_the_same_booking(world: World) -> None:
    world.add("d")

    assert ask(world, "alice", 60, key=KEY) == ask(world, "alice", 60, key=KEY)
    assert ask(world, "alice", 60, key=replace(KEY, body_hash="other"))["outcome"] == "key_reused"


def test_an_overdue_allocation_makes_way(world: World) -> None:
    world.add("d")
    lent(world, "holder", 30)
    reservation = book(world, in_minutes=30)
    world.advance(30)

    assert ends(world.calendar.clear_devices()) == [("holder", AllocationStatus.EXPIRED, 1800)]
    assert execute(world, reservation)["outcome"] == "executed"


def test_an_own_overdue_allocation_costs_no_quota(world: World) -> None:
    world.add("a")
    world.add("b")
    lent(world, "alice", 30)
    reservation = book(world, in_minutes=31)
    world.advance(31)

    assert execute(world, reservation, ONE_DEVICE, last_attempt=False) == {"outcome": "worth_retrying"}
    (due,) = world.calendar.to_execute(None)
    assert ends(world.calendar.reap(due)) == [("alice", AllocationStatus.EXPIRED, 1800)]
    assert execute(world, reservation, ONE_DEVICE)["outcome"] == "executed"


def test_what_the_quota_forbids_at_the_start_fails(world: World) -> None:
    world.add("a")
    world.add("b")
    reservation = book(world, in_minutes=60)
    lent(world, "alice", 90)
    world.advance(60)

    facts = execute(world, reservation, ONE_DEVICE)

    assert (facts["outcome"], facts["reason"]) == ("failed", "Device quota exceeded. Max: 1, Current: 1")
    assert str(told(world, reservation).status) == "failed"
    assert claim(world, "bob", minutes=120)["outcome"] == "granted", "its device is free"


def test_it_begins_on_another_device_when_its_own_does_not_work(world: World) -> None:
    world.add("a")
    world.add("b")
    reservation = book(world, in_minutes=60)
    assert state(world, reservation) == ("pending", "a")
    break_down(world, "a")
    world.advance(60)

    assert execute(world, reservation)["deviceId"] == "b-0000"
    assert state(world, reservation) == ("executing", "b")
    world.devices.change("a-0000", {"status": "running"})
    assert lent(world, "bob", 600) == "a", "nothing is promised there"


def test_it_fails_when_no_device_is_left(world: World) -> None:
    world.add("d")
    reservation = book(world, in_minutes=60)
    break_down(world, "d")
    world.advance(60)

    facts = execute(world, reservation)

    assert (facts["outcome"], facts["reason"]) == ("failed", "No device that fits is free")


def test_it_begins_on_its_device_though_that_be_kept_for_a_waiter(world: World) -> None:
    world.add("small", 2)
    world.add("big", 8)
    lent(world, "a", 60, min_cpu=8)
    lent(world, "b", 60)
    reservation = book(world, "alice", 240, min_cpu=8)
    world.queue.join(wish("patient", minutes=30, min_cpu=8), NO_LIMITS, Tier.FREE, 0)
    world.advance(15)
    assert world.queue.hold(15)["deviceId"] == "big-0000"
    assert ask(world, "bob", 400, min_cpu=8)["outcome"] == "reservation_conflict", "it is kept for somebody"
    world.advance(225)
    world.allocations.expire_due(10)

    assert execute(world, reservation)["deviceId"] == "big-0000"


def test_a_reservation_moves_off_a_device_that_does_not_work(world: World) -> None:
    for name in "ab":
        world.add(name)
    reservation, far = book(world, "alice", 60), book(world, "bob", 60 * 30)
    assert (state(world, reservation), state(world, far)) == (("pending", "a"), ("pending", "a"))
    assert world.calendar.in_danger(None) == []
    assert world.calendar.move(reservation, NO_LIMITS, NOTICE_MINUTES) == {"outcome": "not_due"}
    break_down(world, "a")

    (endangered,) = world.calendar.in_danger(None)
    facts = world.calendar.move(endangered.id, NO_LIMITS, NOTICE_MINUTES)

    assert (facts["outcome"], facts["deviceId"]) == ("moved", "b-0000")
    assert (state(world, reservation), state(world, far)) == (("pending", "b"), ("pending", "a"))
    assert world.calendar.in_danger(None) == []
    assert claim(world, "carol", minutes=61)["outcome"] == "none_free"
    world.advance(60 * 7)
    assert [one.id for one in world.calendar.in_danger(None)] == [far], "it is of the next day now"
    world.devices.change("a-0000", {"status": "running"})
    assert world.calendar.in_danger(None) == []


def test_who_cannot_be_moved_is_told_in_good_time(world: World) -> None:
    world.add("d")
    reservation = book(world, in_minutes=60)
    break_down(world, "d")

    assert world.calendar.move(reservation, NO_LIMITS, NOTICE_MINUTES) == {"outcome": "unmoved"}
    world.advance(45)
    facts = world.calendar.move(reservation, NO_LIMITS, NOTICE_MINUTES)

    assert facts["outcome"] == "failed"
    assert facts["reason"] == "The device can no longer serve it, and no other that fits is free"
    assert str(told(world, reservation).status) == "failed"


def test_nobody_came(world: World) -> None:
    for name in "ab":
        world.add(name)
    reservation, other = book(world, "alice", 60), book(world, "bob", 60)
    world.advance(60)
    assert [execute(world, one)["outcome"] for one in (reservation, other)] == ["executed", "executed"]
    world.reservations.attend(User("acme", "bob"))
    world.advance(9.9)
    assert world.calendar.unclaimed(NO_SHOW_MINUTES) == []
    assert world.calendar.end_no_show(reservation, NO_SHOW_MINUTES) == []
    world.advance(0.1)

    assert world.calendar.unclaimed(NO_SHOW_MINUTES) == [reservation]
    assert world.calendar.end_no_show(other, NO_SHOW_MINUTES) == []
    ended = world.calendar.end_no_show(reservation, NO_SHOW_MINUTES)

    assert ends(ended) == [("alice", AllocationStatus.REVOKED, 600)]
    found = told(world, reservation)
    assert (str(found.status), found.reason) == ("completed", "Nobody came within 10 minutes of the start")
    assert world.calendar.unclaimed(NO_SHOW_MINUTES) == []
    assert claim(world, "carol", minutes=300)["outcome"] == "granted"


def test_a_window_that_nobody_served_is_over(world: World) -> None:
    world.add("d")
    reservation = book(world, in_minutes=60)
    world.advance(119)
    assert (world.calendar.to_expire(), world.calendar.expire(reservation)) == ([], False)
    world.advance(1)

    assert world.calendar.to_execute(None) == []
    assert world.calendar.to_expire() == [reservation]
    assert world.calendar.expire(reservation)
    assert not world.calendar.expire(reservation)
    assert state(world, reservation) == ("expired", "d")
    assert claim(world, "bob")["outcome"] == "granted"


def test_dispatch_knows_when_the_next_one_begins(world: World) -> None:
    world.add("d")
    assert world.queue.seconds_until_due() is None

    book(world, in_minutes=60)

    assert world.queue.seconds_until_due() == 3600
