"""What one allocate asks of its parts, in which order; on fakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from scheduler.domain.errors import NoAvailableDevices, QuotaExceeded, QuotaServiceUnavailable
from scheduler.domain.model import User
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import NO_DOCUMENT, QuotaDocument
from scheduler.service.allocator import Allocator
from tests.support.contenders import request
from tests.support.fake_meter import FakeMeter
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.devices import MemoryDevices
from tools.simulate.memory.fleet import MemoryDevice


@dataclass
class FakeGate:
    """Admits everybody, keeps quota documents and notes what happened."""

    kept: dict[User, QuotaDocument] = field(default_factory=dict)
    quota: QuotaDocument | None = None
    evictions: int = 0
    inside: bool = False

    @contextmanager
    def admit_user(self, user: User) -> Iterator["FakeGate"]:
        self.quota, self.inside = self.kept.get(user), True
        try:
            yield self
        finally:
            self.inside = False

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        self.kept[user] = document

    def fleet_changed(self) -> None:
        self.evictions += 1


@dataclass
class FakeQuotas:
    """Gives every user the free plan or another answer, or fails."""

    answer: QuotaDocument | None = None
    down: bool = False
    reads: int = 0

    def document(self, user: User) -> QuotaDocument:
        self.reads += 1
        if self.down:
            raise QuotaServiceUnavailable
        return self.answer or plan_document("free")


@dataclass
class Desk:
    """An allocator and all its fakes."""

    store: MemoryAllocations = field(default_factory=MemoryAllocations)
    quotas: FakeQuotas = field(default_factory=FakeQuotas)
    gate: FakeGate = field(default_factory=FakeGate)
    meter: FakeMeter = field(default_factory=FakeMeter)

    @property
    def allocator(self) -> Allocator:
        return Allocator(self.store, self.quotas, self.gate, self.meter)  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.store.add(MemoryDevice("d"))
    return desk


def test_a_grant_has_the_available_list_evicted(desk: Desk) -> None:
    desk.allocator.allocate(request("alice"))

    assert desk.gate.evictions == 1
    assert desk.meter.counted == {"AllocationGranted": 1}


def test_a_refusal_leaves_the_available_list_alone(desk: Desk) -> None:
    MemoryDevices(desk.store).change("d", {"status": "stopped"})

    with pytest.raises(NoAvailableDevices):
        desk.allocator.allocate(request("alice"))

    assert desk.gate.evictions == 0
    assert not desk.gate.inside, "the place in line was not given back"
    assert desk.meter.counted == {"AllocationRefused.no_available_devices": 1}


def test_the_quota_is_read_once_and_then_remembered(desk: Desk) -> None:
    desk.allocator.allocate(request("alice"))
    with pytest.raises(QuotaExceeded):
        desk.allocator.allocate(request("alice"))

    assert desk.quotas.reads == 1


def test_without_a_quota_nothing_is_claimed(desk: Desk) -> None:
    desk.quotas.down = True

    with pytest.raises(QuotaServiceUnavailable):
        desk.allocator.allocate(request("alice"))

    assert desk.store.allocations == []


def test_the_stand_in_for_an_unread_quota_is_not_remembered(desk: Desk) -> None:
    desk.quotas.answer = NO_DOCUMENT

    desk.allocator.allocate(request("alice"))

    assert desk.gate.kept == {}


def test_before_a_refusal_overdue_allocations_are_ended(desk: Desk) -> None:
    desk.allocator.allocate(request("alice", minutes=5))
    desk.store.now = desk.store.allocations[0].expires_at

    grant = desk.allocator.allocate(request("bob"))

    assert (grant.device_id, grant.fencing_token) == ("d", 2)
    assert desk.meter.counted["AllocationsReaped"] == 1
