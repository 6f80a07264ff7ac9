"""What every RenewalStore does: the same cases for the fake of unit tests and for Postgres."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.domain.model import ReleaseRequest, RequestKey, User
from scheduler.domain.quota import NO_LIMITS
from scheduler.domain.renewal import TIERS, RenewalRequest, RenewalTerms, RenewalTier, Rule
from scheduler.ports import AllocationStore
from scheduler.ports.renewals import RenewalStore
from tests.support.clock import Clock
from tests.support.contenders import add_devices, request
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.renewals import MemoryRenewals

KEY = RequestKey("acme", "user:alice", "POST /renew", "k-1", "hash")
TINY = timedelta(microseconds=1)
PRO = RenewalTerms(None, None, TIERS["pro"])


class World(Protocol):
    """Both stores, a device and a clock that stands still."""

    allocations: AllocationStore
    renewals: RenewalStore

    def advance(self, by: timedelta) -> None: ...

    def reserve(self, after_end: timedelta) -> None: ...

    def block(self) -> None: ...


@dataclass
class MemoryWorld:
    allocations: MemoryAllocations = field(default_factory=MemoryAllocations)

    def __post_init__(self) -> None:
        self.renewals = MemoryRenewals(self.allocations)
        self.allocations.add(MemoryDevice("d-0000"))

    def advance(self, by: timedelta) -> None:
        self.allocations.now += by

    def reserve(self, after_end: timedelta) -> None:
        self.allocations.fleet.devices["d-0000"].next_reserved_at = self.allocations.active[0].expires_at + after_end

    def block(self) -> None:
        self.allocations.blocked.add(User("acme", "alice"))


@dataclass
class PostgresWorld:
    database: Database
    clock: Clock

    def __post_init__(self) -> None:
        self.clock.stop()
        self.allocations, self.renewals = PostgresAllocations(self.database), PostgresRenewals(self.database)
        add_devices(self.database, 1, prefix="d")

    def advance(self, by: timedelta) -> None:
        self.clock.advance(microseconds=by / TINY)

    def reserve(self, after_end: timedelta) -> None:
        self.database.call("UPDATE devices SET next_reserved_at = busy_until + %(after)s", {"after": after_end})

    def block(self) -> None:
        self.database.call("UPDATE quota_usage SET blocked = true", {})


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return MemoryWorld()
    return PostgresWorld(request.getfixturevalue("database"), request.getfixturevalue("clock"))


def terms(refusal: str | None = None, **limits: int | None) -> RenewalTerms:
    """What a tier without any limit allows, but for those given."""
    lenient = RenewalTier(
        max_count=None, max_minutes=1440, max_total_minutes=None, cooldown_seconds=0, window_minutes=1440
    )
    return RenewalTerms(refusal, None, replace(lenient, **limits))


def lend(world: World, minutes: int = 60) -> str:
    return str(world.allocations.claim(request("alice", minutes), NO_LIMITS, last_attempt=False)["allocationId"])


def renew(world: World, allocation: str, minutes: int, allowed: RenewalTerms, **asked: Any) -> dict[str, Any]:
    wish = replace(RenewalRequest("acme", "alice", allocation, minutes), **asked)
    return dict(world.renewals.renew(wish, allowed))


def outlook(world: World, allocation: str, allowed: RenewalTerms) -> dict[str, Any]:
    facts = world.renewals.outlook(allocation, "acme", "alice", allowed)
    assert facts is not None
    return dict(facts)


def possible(facts: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    return facts["rule"], facts["maxAdditionalMinutes"], facts["nextRenewalAt"], facts["retryAfterSeconds"]


def test_minutes_are_added_to_the_end_and_counted(world: World) -> None:
    allocation = lend(world)

    first = renew(world, allocation, 30, PRO, reason="why")
    world.advance(timedelta(minutes=1))
    second = renew(world, allocation, 15, PRO)

    assert (first["outcome"], first["renewalCount"], first["remainingRenewals"]) == ("renewed", 1, 9)
    assert (second["renewalCount"], second["remainingRenewals"], second["totalDurationMinutes"]) == (2, 8, 105)
    assert second["oldExpiresAt"] == first["newExpiresAt"] > first["oldExpiresAt"]
    history = outlook(world, allocation, PRO)["history"]
    assert [(past["additionalMinutes"], past["reason"]) for past in history] == [(15, None), (30, "why")]


def test_the_first_broken_rule_is_told(world: World) -> None:
    """All are broken at first; then one after the other is mended."""
    allocation = lend(world)
    renew(world, allocation, 1, terms())
    world.reserve(timedelta(0))
    broken: dict[str, Any] = {
        "refusal": "Quota suspended",
        "max_count": 1,
        "max_minutes": 5,
        "max_total_minutes": 61,
        "cooldown_seconds": 300,
        "window_minutes": 1,
    }
    told = []
    while broken:
        told.append(renew(world, allocation, 6, terms(**broken)))
        del broken[next(iter(broken))]
    told.append(renew(world, allocation, 6, terms()))

    assert [(refused["rule"], refused["outcome"]) for refused in told] == [
        ("over_quota", "over_quota"),
        ("count", "renewal_forbidden"),
        ("minutes", "renewal_forbidden"),
        ("total", "renewal_forbidden"),
        ("cooldown", "renewal_refused"),
        ("window", "renewal_refused"),
        ("reservation", "renewal_refused"),
    ]
    assert [refused["rule"] for refused in told[1:]] == list(Rule)
    world.reserve(timedelta(minutes=6))
    assert renew(world, allocation, 6, terms())["outcome"] == "renewed"


def test_what_has_ended_is_told_before_any_rule(world: World) -> None:
    allocation = lend(world)
    world.allocations.release(ReleaseRequest("acme", "alice", allocation_id=allocation, device_id="d-0000"))

    assert renew(world, allocation, 6, terms("Quota suspended", max_count=0))["outcome"] == "not_active"
    assert outlook(world, allocation, terms())["outcome"] == "not_active"


@pytest.mark.parametrize("early", [timedelta(0), TINY])
def test_what_is_overdue_is_over(world: World, early: timedelta) -> None:
    allocation = lend(world)
    world.advance(timedelta(minutes=60) - early)

    assert renew(world, allocation, 1, terms())["outcome"] == ("renewed" if early else "not_active")


def test_who_is_blocked_renews_nothing(world: World) -> None:
    allocation = lend(world)
    world.block()

    refused = renew(world, allocation, 1, terms())

    assert (refused["outcome"], refused["reason"], refused["remainingDevices"]) == (
        "over_quota",
        "User is suspended",
        0,
    )
    assert possible(outlook(world, allocation, terms())) == ("over_quota", 0, None, None)


@pytest.mark.parametrize("early", [timedelta(0), TINY])
def test_a_cooldown_ends_at_its_instant(world: World, early: timedelta) -> None:
    allocation, allowed = lend(world), terms(cooldown_seconds=300)
    renew(world, allocation, 1, allowed)
    world.advance(timedelta(seconds=300) - early)

    told = outlook(world, allocation, allowed)

    assert (told["rule"], told["retryAfterSeconds"]) == (("cooldown", 1) if early else (None, None))
    assert renew(world, allocation, 1, allowed)["outcome"] == ("renewal_refused" if early else "renewed")


@pytest.mark.parametrize("early", [timedelta(0), TINY])
def test_a_window_opens_at_its_instant(world: World, early: timedelta) -> None:
    allocation, allowed = lend(world), terms(window_minutes=30)
    world.advance(timedelta(minutes=30) - early)

    assert outlook(world, allocation, allowed)["rule"] == ("window" if early else None)


def test_who_may_never_renew_again_is_not_asked_for_patience(world: World) -> None:
    allocation, allowed = lend(world, minutes=1), terms(cooldown_seconds=300)
    renew(world, allocation, 1, allowed)

    assert possible(renew(world, allocation, 1, allowed)) == ("cooldown", 0, None, None)


@pytest.mark.parametrize(
    ("after_end", "minutes"),
    [
        pytest.param(timedelta(minutes=20), 20, id="to the minute"),
        pytest.param(timedelta(minutes=20) - TINY, 19, id="a part of a minute is none"),
        pytest.param(timedelta(seconds=59), 0, id="less than a minute"),
        pytest.param(-timedelta(minutes=5), 0, id="should have begun already"),
    ],
)
def test_a_reservation_leaves_whole_minutes(world: World, after_end: timedelta, minutes: int) -> None:
    allocation = lend(world)
    world.reserve(after_end)

    assert possible(renew(world, allocation, minutes + 1, terms())) == ("reservation", minutes, None, None)
    assert outlook(world, allocation, terms())["rule"] == (None if minutes else "reservation")
    if minutes:
        assert renew(world, allocation, minutes, terms())["outcome"] == "renewed"


def test_a_smaller_plan_leaves_nothing_but_no_debt(world: World) -> None:
    allocation = lend(world)
    renew(world, allocation, 1, terms())
    renew(world, allocation, 1, terms())

    refused = renew(world, allocation, 1, terms(max_count=1))

    assert (refused["rule"], refused["remainingRenewals"]) == ("count", 0)


def test_another_tenants_or_users_allocation_is_not_seen(world: World) -> None:
    allocation = lend(world)

    assert renew(world, allocation, 1, terms(), tenant_id="globex")["outcome"] == "not_found"
    assert renew(world, allocation, 1, terms(), user_id="bob")["outcome"] == "not_found"
    assert world.renewals.outlook(allocation, "acme", "bob", terms()) is None
    assert world.renewals.owner(allocation, "globex") is None
    assert world.renewals.owner(allocation, None) == world.renewals.owner(allocation, "acme") == User("acme", "alice")
    assert renew(world, allocation, 1, terms(), tenant_id=None, user_id=None)["outcome"] == "renewed"


def test_the_same_key_is_answered_with_the_same_facts(world: World) -> None:
    allocation = lend(world)

    assert renew(world, allocation, 5, terms(), key=KEY) == renew(world, allocation, 5, terms(), key=KEY)
    assert renew(world, allocation, 5, terms(), key=replace(KEY, body_hash="other"))["outcome"] == "key_reused"
    assert len(outlook(world, allocation, terms())["history"]) == 1
