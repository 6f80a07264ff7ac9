"""What every AllocationStore does: the same cases for the fake of unit tests and for Postgres."""

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import AllocationRequest, DeviceWants, ReleaseRequest, RequestKey, User
from scheduler.domain.quota import NO_LIMITS, QuotaLimits, QuotaTerms
from scheduler.ports import AllocationStore
from tests.support.clock import Clock
from tests.support.contenders import add_devices, request
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.fleet import MemoryDevice

ONE_DEVICE = QuotaTerms(refusal=None, valid_until=None, limits=QuotaLimits(devices=1))
KEY = RequestKey("acme", "user:alice", "POST /allocate", "k-1", "hash")


class World(Protocol):
    """A store, its devices and its clock."""

    store: AllocationStore

    def add_device(self, name: str, cpu_cores: int = 4) -> None: ...

    def score(self, name: str, score: float) -> None: ...

    def advance(self, minutes: float) -> None: ...


@dataclass
class MemoryWorld:
    store: MemoryAllocations

    def add_device(self, name: str, cpu_cores: int = 4) -> None:
        self.store.add(MemoryDevice(f"{name}-0000", cpu_cores))

    def score(self, name: str, score: float) -> None:
        device = self.store.fleet.devices[f"{name}-0000"]
        device.score = score
        self.store.fleet.place(device)

    def advance(self, minutes: float) -> None:
        self.store.now += timedelta(minutes=minutes)


@dataclass
class PostgresWorld:
    database: Database
    store: PostgresAllocations
    clock: Clock

    def add_device(self, name: str, cpu_cores: int = 4) -> None:
        add_devices(self.database, 1, prefix=name, cpu_cores=cpu_cores)

    def score(self, name: str, score: float) -> None:
        self.database.call(
            "UPDATE devices SET placement_score = %(score)s WHERE id = %(id)s", {"id": f"{name}-0000", "score": score}
        )

    def advance(self, minutes: float) -> None:
        self.clock.advance(minutes=minutes)


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return MemoryWorld(MemoryAllocations())
    database = request.getfixturevalue("database")
    return PostgresWorld(database, PostgresAllocations(database), request.getfixturevalue("clock"))


def claim(world: World, user: str = "alice", terms: QuotaTerms = NO_LIMITS, **changes: object) -> dict[str, object]:
    wish: AllocationRequest = replace(request(user, minutes=10), **changes)  # type: ignore[arg-type]
    return dict(world.store.claim(wish, terms, last_attempt=False))


def release(world: World, device_id: object, user: str = "alice", **fields: object) -> dict[str, object]:
    return dict(world.store.release(ReleaseRequest("acme", user, str(device_id), **fields)))  # type: ignore[arg-type]


def test_a_free_device_is_granted(world: World) -> None:
    world.add_device("d")

    facts = claim(world, terms=ONE_DEVICE)

    assert (facts["outcome"], facts["fencingToken"], facts["remainingDevices"]) == ("granted", 1, 0)


def test_a_device_is_granted_once(world: World) -> None:
    world.add_device("d")
    claim(world)

    assert claim(world, "bob")["outcome"] == "none_free"


def test_the_highest_score_is_lent_first_and_among_equals_the_smallest(world: World) -> None:
    for name, cpu_cores, score in [("big", 8, 5), ("small", 4, 5), ("best", 16, 7), ("worst", 2, 1), ("second", 4, 6)]:
        world.add_device(name, cpu_cores)
        world.score(name, score)

    lent = [str(claim(world, f"user-{turn}")["deviceId"]).removesuffix("-0000") for turn in range(5)]

    assert lent == ["best", "second", "small", "big", "worst"]


def test_a_new_score_counts_at_once_lent_or_not(world: World) -> None:
    for name, score in [("a", 3), ("b", 2), ("c", 1)]:
        world.add_device(name)
        world.score(name, score)
    claim(world)
    world.score("a", 0)
    world.score("c", 9)
    release(world, "a-0000")

    assert [claim(world, f"user-{turn}")["deviceId"] for turn in range(3)] == ["c-0000", "b-0000", "a-0000"]


def test_a_released_device_is_granted_again_with_a_higher_fence(world: World) -> None:
    world.add_device("d")
    released = release(world, claim(world)["deviceId"])

    assert released["outcome"] == "released"
    assert claim(world, "bob")["fencingToken"] == 2


def test_the_limit_of_devices_is_kept(world: World) -> None:
    world.add_device("d")
    world.add_device("e")
    claim(world, terms=ONE_DEVICE)

    refused = claim(world, terms=ONE_DEVICE)

    assert refused == {
        "outcome": "over_quota",
        "reason": "Device quota exceeded. Max: 1, Current: 1",
        "remainingDevices": 0,
    }


def test_a_documents_refusal_comes_before_all_else(world: World) -> None:
    world.add_device("d")

    assert claim(world, terms=replace(ONE_DEVICE, refusal="Quota suspended"))["reason"] == "Quota suspended"


def test_without_a_limit_of_devices_none_is_left_to_count_when_the_quota_refuses(world: World) -> None:
    suspended = QuotaTerms(refusal="Quota suspended", valid_until=None, limits=QuotaLimits())

    assert claim(world, terms=suspended)["remainingDevices"] == -1


def test_a_smaller_device_than_wanted_is_never_granted(world: World) -> None:
    world.add_device("small", cpu_cores=2)

    assert claim(world, wants=DeviceWants(min_cpu=4))["outcome"] == "none_free"


def test_an_overdue_allocation_makes_a_refusal_worth_another_try(world: World) -> None:
    world.add_device("d")
    claim(world)
    world.advance(minutes=11)

    assert claim(world, "bob")["outcome"] == "worth_retrying"
    assert [ended.duration_seconds for ended in world.store.reap(request("bob"))] == [600]
    assert claim(world, "bob")["outcome"] == "granted"


def test_releasing_an_overdue_allocation_ends_it_as_expired(world: World) -> None:
    world.add_device("d")
    device_id = claim(world)["deviceId"]
    world.advance(minutes=15)

    released = release(world, device_id)

    assert (released["outcome"], released["durationSeconds"]) == ("expired", 600)


def test_what_is_not_due_does_not_expire(world: World) -> None:
    world.add_device("d")
    claim(world)
    world.advance(minutes=9)

    assert list(world.store.expire_due(100)) == []


def test_what_is_due_expires_once(world: World) -> None:
    world.add_device("d")
    claim(world)
    world.advance(minutes=11)

    assert [ended.duration_seconds for ended in world.store.expire_due(100)] == [600]
    assert list(world.store.expire_due(100)) == []


def test_a_release_needs_the_holder_the_device_and_the_token(world: World) -> None:
    world.add_device("d")
    grant = claim(world)
    device_id = grant["deviceId"]

    assert release(world, device_id, user="bob")["outcome"] == "not_found"
    assert release(world, "another")["outcome"] == "not_found"
    assert release(world, device_id, allocation_id=str(uuid.uuid4()))["outcome"] == "not_found"
    assert release(world, device_id, fencing_token=7)["outcome"] == "stale_fence"
    assert release(world, device_id, fencing_token=1)["outcome"] == "released"
    assert release(world, device_id)["outcome"] == "not_found"
    assert release(world, device_id, allocation_id=grant["allocationId"])["outcome"] == "not_active"


def test_another_tenants_allocation_is_not_seen(world: World) -> None:
    world.add_device("d")
    wish = replace(request("alice"), user=User("globex", "alice"))
    grant = world.store.claim(wish, NO_LIMITS, last_attempt=False)

    assert release(world, grant["deviceId"])["outcome"] == "not_found"


def test_the_same_key_is_answered_with_the_same_facts(world: World) -> None:
    world.add_device("d")
    world.add_device("e")

    assert claim(world, key=KEY) == claim(world, key=KEY)
    assert claim(world, key=replace(KEY, body_hash="other"))["outcome"] == "key_reused"


def test_old_ended_allocations_are_deleted_and_active_ones_never(world: World) -> None:
    world.add_device("d")
    world.add_device("e")
    release(world, claim(world)["deviceId"])
    claim(world, "bob")
    world.advance(minutes=60 * 24 * 31)

    assert world.store.delete_ended(30, 100) == 1
    assert world.store.delete_ended(30, 100) == 0
    assert len(world.store.expire_due(100)) == 1
