"""What every QueueStore does: the same cases for the line in memory and for Postgres."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.domain.model import DeviceWants, ReleaseRequest, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import EntryStatus, QueueFilter, Tier, head_start_seconds
from scheduler.domain.quota import NO_LIMITS, QuotaLimits, QuotaTerms
from scheduler.ports import AllocationStore
from scheduler.ports.queue import QueueStore
from tests.support.clock import Clock
from tests.support.contenders import add_devices, request
from tests.support.waiters import AGEING_MINUTES, HOLD_MINUTES, wish
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.queue import MemoryQueue

FRESH = 50
KEY = RequestKey("acme", "user:alice", "POST /queue", "k-1", "hash")
ONE_DEVICE = QuotaTerms(None, None, QuotaLimits(devices=1))
SMALL_ONLY = QuotaTerms(None, None, QuotaLimits(device_cpu_cores=2))


class World(Protocol):
    """Both stores, a fleet and a clock that stands still."""

    allocations: AllocationStore
    queue: QueueStore

    def add(self, name: str, cpu_cores: int = 4, score: float = 0) -> None: ...

    def advance(self, minutes: float) -> None: ...

    def reserve(self, name: str, in_minutes: float) -> None: ...


@dataclass
class MemoryWorld:
    allocations: MemoryAllocations = field(default_factory=MemoryAllocations)

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(self.allocations)

    def add(self, name: str, cpu_cores: int = 4, score: float = 0) -> None:
        self.allocations.add(MemoryDevice(f"{name}-0000", cpu_cores, score=score))

    def advance(self, minutes: float) -> None:
        self.allocations.now += timedelta(minutes=minutes)

    def reserve(self, name: str, in_minutes: float) -> None:
        device = self.allocations.fleet.devices[f"{name}-0000"]
        device.next_reserved_at = self.allocations.now + timedelta(minutes=in_minutes)
        self.allocations.fleet.place(device)


@dataclass
class PostgresWorld:
    database: Database
    clock: Clock

    def __post_init__(self) -> None:
        self.clock.stop()
        self.allocations, self.queue = PostgresAllocations(self.database), PostgresQueue(self.database)

    def add(self, name: str, cpu_cores: int = 4, score: float = 0) -> None:
        add_devices(self.database, 1, prefix=name, cpu_cores=cpu_cores)
        self.database.call(
            "UPDATE devices SET placement_score = %(score)s WHERE id = %(id)s", {"id": f"{name}-0000", "score": score}
        )

    def advance(self, minutes: float) -> None:
        self.clock.advance(minutes=minutes)

    def reserve(self, name: str, in_minutes: float) -> None:
        self.database.call(
            "UPDATE devices SET next_reserved_at = scheduler_clock() + %(after)s WHERE id = %(id)s",
            {"id": f"{name}-0000", "after": timedelta(minutes=in_minutes)},
        )


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return MemoryWorld()
    return PostgresWorld(request.getfixturevalue("database"), request.getfixturevalue("clock"))


def claim(world: World, user: str = "holder", minutes: int = 30, **wants: Any) -> Facts:
    """Take a device, or be told why not, as one who would wait."""
    asked = replace(request(user, minutes, DeviceWants(**wants)), waits=True)
    return world.allocations.claim(asked, NO_LIMITS, last_attempt=True)


def release(world: World, name: str) -> None:
    world.allocations.release(ReleaseRequest(None, None, f"{name}-0000"))


def join(world: World, user: str, tier: Tier = Tier.FREE, terms: QuotaTerms = NO_LIMITS, **asked: Any) -> str:
    facts = world.queue.join(wish(user, **asked), terms, tier, head_start_seconds(tier, AGEING_MINUTES))
    assert facts["outcome"] == "joined", facts
    return str(facts["entryId"])


def served(world: World) -> list[tuple[str, str]]:
    """Serve until nobody can be; give users and devices in the order served."""
    lent: list[tuple[str, str]] = []
    while (facts := world.queue.serve_next([], FRESH))["outcome"] == "granted":
        lent.append((facts["userId"], facts["deviceId"].removesuffix("-0000")))
    return lent


def test_the_line_is_ordered_by_tier_and_time(world: World) -> None:
    for name in "abcd":
        world.add(name)
        claim(world)
    join(world, "free")
    world.advance(9)
    join(world, "basic", Tier.BASIC)
    world.advance(2)
    join(world, "too-late", Tier.BASIC)
    last = join(world, "enterprise", Tier.ENTERPRISE)
    entry = world.queue.find(last, "acme", "enterprise")
    for name in "abcd":
        release(world, name)
    for waiting in world.queue.page(QueueFilter(None)):
        world.queue.refresh(waiting.id, NO_LIMITS)

    assert entry is not None
    assert (entry.position, entry.tier, world.queue.length()) == (1, Tier.ENTERPRISE, 4)
    assert [user for user, _ in served(world)] == ["enterprise", "basic", "free", "too-late"]


def test_a_grant_ends_the_wait_and_tells_how_long_it_took(world: World) -> None:
    world.add("d")
    claim(world)
    entry_id = join(world, "alice")
    assert world.queue.serve_next([], FRESH)["outcome"] == "nobody"
    world.advance(0.5)
    release(world, "d")

    facts = world.queue.serve_next([], FRESH)

    assert (facts["outcome"], facts["entryId"], facts["tier"], facts["waitedSeconds"]) == (
        "granted",
        entry_id,
        "free",
        30,
    )
    entry = world.queue.find(entry_id, None, None)
    assert entry is not None
    assert (entry.status, entry.allocation_id, entry.position) == (EntryStatus.FULFILLED, facts["allocationId"], None)
    assert world.queue.cancel(entry_id, None, None, None)["outcome"] == "not_waiting"
    (total,) = [row for row in world.queue.figures(1) if row.tier is None]
    assert (total.fulfilled, total.waiting, total.p50, total.p90) == (1, 0, 30, 30)


def test_who_joins_twice_is_told_of_the_first(world: World) -> None:
    world.add("d")
    entry_id = join(world, "alice", max_wait=5)

    again = world.queue.join(wish("alice"), NO_LIMITS, Tier.FREE, 0)
    world.advance(5)
    anew = world.queue.join(wish("alice"), NO_LIMITS, Tier.FREE, 0)

    assert (again["outcome"], again["entryId"], anew["outcome"]) == ("already_queued", entry_id, "joined")
    ended = world.queue.find(entry_id, None, None)
    assert ended is not None
    assert ended.status is EntryStatus.EXPIRED


@pytest.mark.parametrize(
    ("terms", "wants", "outcome"),
    [
        pytest.param(QuotaTerms("Quota suspended", None, QuotaLimits()), {}, "over_quota", id="suspended"),
        pytest.param(SMALL_ONLY, {}, "over_quota", id="every device is too big for the quota"),
        pytest.param(NO_LIMITS, {"min_cpu": 64}, "nothing_fits", id="no device is that big"),
    ],
)
def test_nobody_waits_in_vain(world: World, terms: QuotaTerms, wants: dict[str, int], outcome: str) -> None:
    world.add("d")

    assert world.queue.join(wish("alice", **wants), terms, Tier.FREE, 0)["outcome"] == outcome
    assert world.queue.length() == 0


def test_a_newcomer_takes_nothing_that_is_awaited_but_what_is_not(world: World) -> None:
    world.add("small", 2)
    world.add("big", 8, score=9)
    join(world, "waits-for-big", min_cpu=8)

    assert claim(world, "newcomer", min_cpu=8)["outcome"] == "none_free"
    assert claim(world, "newcomer")["deviceId"] == "small-0000"


def test_who_cannot_be_served_holds_up_nobody(world: World) -> None:
    world.add("d")
    claim(world, "holder")
    join(world, "holder", Tier.PRO, ONE_DEVICE)
    claim(world, "other")
    join(world, "too-long", Tier.PRO, minutes=90)
    join(world, "modest")
    release(world, "d")
    claimed = world.allocations.claim(request("holder"), NO_LIMITS, last_attempt=True)
    world.add("e")
    world.reserve("e", 60)

    assert claimed["outcome"] == "none_free", "the device is awaited by others"
    world.reserve("d", 60)
    assert [user for user, _ in served(world)] == ["holder", "modest"]


def test_old_quotas_are_asked_for_before_anybody_is_served_by_them(world: World) -> None:
    world.add("d")
    claim(world)
    first, second = join(world, "alice", Tier.BASIC), join(world, "bob", min_cpu=2)
    world.advance(2)
    release(world, "d")

    stale = world.queue.serve_next([], FRESH)
    world.queue.refresh(first, QuotaTerms("Quota suspended", None, QuotaLimits()))
    world.queue.refresh(second, NO_LIMITS)

    assert stale["outcome"] == "stale"
    assert [(entry["userId"], entry["minCpu"]) for entry in stale["entries"]] == [("alice", None), ("bob", 2)]
    assert served(world) == [("bob", "d")]


def test_who_is_passed_over_waits_on(world: World) -> None:
    world.add("d")
    claim(world)
    first = join(world, "alice", Tier.BASIC)
    join(world, "bob")
    release(world, "d")

    assert world.queue.serve_next([first], FRESH)["userId"] == "bob"


def test_waits_end_with_their_time_or_by_the_waiter(world: World) -> None:
    world.add("d")
    claim(world)
    over, left = join(world, "alice", max_wait=5), join(world, "bob")
    assert world.queue.cancel(left, "acme", "alice", None)["outcome"] == "entry_not_found"
    assert world.queue.cancel(left, "acme", "bob", KEY) == world.queue.cancel(left, "acme", "bob", KEY)
    assert world.queue.seconds_until_due() == 300
    world.advance(5)

    (ended,) = world.queue.expire(10)

    assert (ended.id, ended.user, ended.tier, ended.waited_seconds) == (over, User("acme", "alice"), "free", 300)
    assert world.queue.expire(10) == []
    assert world.queue.length() == 0


def test_whose_time_is_over_is_not_served(world: World) -> None:
    world.add("d")
    claim(world)
    join(world, "alice", max_wait=5)
    world.advance(5)
    release(world, "d")

    assert served(world) == []


def big_one_is_held(world: World) -> str:
    """A big device is kept for one who waits for such; small ones come and go."""
    world.add("small", 2)
    world.add("big", 8)
    claim(world, "a", minutes=240, min_cpu=8)
    claim(world, "b", minutes=240)
    entry_id = join(world, "patient", min_cpu=8)
    assert world.queue.hold(HOLD_MINUTES)["outcome"] == "none"
    world.advance(HOLD_MINUTES)
    held = world.queue.hold(HOLD_MINUTES)
    assert (held["outcome"], held["deviceId"], held["userId"]) == ("held", "big-0000", "patient")
    assert world.queue.hold(HOLD_MINUTES)["outcome"] == "none", "one a waiter"
    return entry_id


def test_a_held_device_is_for_its_waiter(world: World) -> None:
    entry_id = big_one_is_held(world)
    join(world, "small-and-important", Tier.ENTERPRISE)
    release(world, "big")
    world.queue.refresh(entry_id, NO_LIMITS)

    assert claim(world, "newcomer", min_cpu=8)["outcome"] == "none_free"
    assert served(world) == [("patient", "big")]


def test_who_stands_ahead_and_has_no_other_kind_takes_what_is_held_for_those_behind(world: World) -> None:
    entry_id = big_one_is_held(world)
    join(world, "important", Tier.ENTERPRISE, min_cpu=8)
    release(world, "big")
    world.queue.refresh(entry_id, NO_LIMITS)

    assert served(world) == [("important", "big")]
    release(world, "big")
    assert served(world) == [("patient", "big")], "it was kept for her no longer"


def test_no_device_is_kept_over_the_head_of_who_stands_ahead_and_has_no_other_kind(world: World) -> None:
    world.add("small", 2)
    world.add("big", 8)
    claim(world, "a", minutes=240, min_cpu=8)
    claim(world, "b", minutes=240)
    join(world, "patient", min_cpu=8)
    world.advance(HOLD_MINUTES)
    join(world, "important", Tier.ENTERPRISE, min_cpu=8)

    assert world.queue.hold(HOLD_MINUTES)["outcome"] == "none"


def test_a_hold_ends_with_its_wait_or_its_use(world: World) -> None:
    entry_id = big_one_is_held(world)
    assert world.queue.drop_holds(10) == 0
    world.reserve("big", 10)
    assert world.queue.drop_holds(10) == 1

    world.reserve("big", 600)
    assert world.queue.hold(HOLD_MINUTES)["outcome"] == "held"
    world.queue.cancel(entry_id, None, None, None)
    release(world, "big")

    assert claim(world, "newcomer", min_cpu=8)["deviceId"] == "big-0000"


def test_the_device_that_comes_back_soonest_is_kept_and_one_a_waiter(world: World) -> None:
    world.add("large", 8, score=2)
    world.add("huge", 16, score=1)
    world.add("small", 2)
    claim(world, "a", minutes=240, min_cpu=8)
    claim(world, "b", minutes=60, min_cpu=8)
    claim(world, "c", minutes=240)
    join(world, "patient", min_cpu=8)
    world.advance(HOLD_MINUTES)

    assert world.queue.hold(HOLD_MINUTES)["deviceId"] == "huge-0000"
    assert world.queue.hold(HOLD_MINUTES)["outcome"] == "none"
