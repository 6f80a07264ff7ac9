"""What one renewal asks of its parts, in which order; on fakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from scheduler.domain.errors import AllocationNotFound, QuotaServiceUnavailable, RenewalRefused
from scheduler.domain.model import User
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import NO_DOCUMENT, NO_LIMITS, QuotaDocument
from scheduler.domain.renewal import RenewalRequest
from scheduler.service.renewer import Renewer
from tests.support.contenders import request
from tests.support.fake_meter import FakeMeter
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.renewals import MemoryRenewals

ALICE = User("acme", "alice")


@dataclass
class FakeGate:
    """Admits everybody, keeps quota documents and notes whom it let in."""

    kept: dict[User, QuotaDocument] = field(default_factory=dict)
    admitted: list[User] = field(default_factory=list)
    inside: bool = False
    quota: QuotaDocument | None = None

    @contextmanager
    def admit_user(self, user: User) -> Iterator["FakeGate"]:
        self.quota, self.inside = self.kept.get(user), True
        self.admitted.append(user)
        try:
            yield self
        finally:
            self.inside = False

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        self.kept[user] = document


@dataclass
class FakeQuotas:
    """Gives everybody one plan, or fails; notes of whom it was asked."""

    answer: QuotaDocument
    down: bool = False
    read: list[User] = field(default_factory=list)

    def document(self, user: User) -> QuotaDocument:
        self.read.append(user)
        if self.down:
            raise QuotaServiceUnavailable
        return self.answer


class Desk:
    """A renewer, all its fakes, and an allocation of alice for half an hour."""

    def __init__(self) -> None:
        self.store = MemoryAllocations()
        self.store.add(MemoryDevice("d"))
        self.store.claim(request("alice"), NO_LIMITS, last_attempt=False)
        (self.allocation,) = self.store.allocations
        self.gate, self.meter, self.quotas = FakeGate(), FakeMeter(), FakeQuotas(plan_document("pro"))
        self.renewer = Renewer(MemoryRenewals(self.store), self.quotas, self.gate, self.meter)  # type: ignore[arg-type]

    def wish(self, minutes: int = 30, tenant: str | None = "acme", user: str | None = "alice") -> RenewalRequest:
        return RenewalRequest(tenant, user, self.allocation.id, minutes)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_renewal_is_made_while_the_holder_is_in_line(desk: Desk) -> None:
    renewal = desk.renewer.renew(desk.wish())

    assert renewal.new_expires_at == desk.allocation.expires_at > renewal.old_expires_at
    assert desk.gate.admitted == [ALICE]
    assert desk.meter.counted == {"AllocationRenewed": 1}


@pytest.mark.parametrize("tenant", ["acme", None], ids=["a service", "an operator"])
def test_whoever_asks_the_tier_and_the_line_are_the_holders(desk: Desk, tenant: str | None) -> None:
    desk.renewer.renew(desk.wish(tenant=tenant, user=None))
    desk.renewer.outlook(desk.allocation.id, tenant, None)

    assert desk.gate.admitted == [ALICE]
    assert set(desk.quotas.read) == {ALICE}


def test_the_quota_is_read_once_and_then_remembered(desk: Desk) -> None:
    desk.renewer.outlook(desk.allocation.id, "acme", "alice")
    desk.renewer.renew(desk.wish())

    assert desk.quotas.read == [ALICE]


def test_the_stand_in_for_an_unread_quota_is_not_remembered_and_renews_as_free(desk: Desk) -> None:
    desk.quotas.answer = NO_DOCUMENT

    with pytest.raises(RenewalRefused):
        desk.renewer.renew(desk.wish(minutes=31))

    assert desk.gate.kept == {}


def test_without_a_quota_nothing_is_renewed(desk: Desk) -> None:
    desk.quotas.down = True

    with pytest.raises(QuotaServiceUnavailable):
        desk.renewer.renew(desk.wish())

    assert desk.allocation.renewals == []
    assert desk.meter.counted == {"RenewalRefused.quota_service_unavailable": 1}


def test_a_refusal_gives_the_place_in_line_back_and_is_counted(desk: Desk) -> None:
    with pytest.raises(RenewalRefused):
        desk.renewer.renew(desk.wish(minutes=121))

    assert not desk.gate.inside, "the place in line was not given back"
    assert desk.meter.counted == {"RenewalRefused.renewal_refused": 1}


def test_nobody_is_asked_for_a_quota_of_an_allocation_that_is_not_there(desk: Desk) -> None:
    for attempt in (
        lambda: desk.renewer.renew(desk.wish(tenant="globex", user=None)),
        lambda: desk.renewer.outlook(desk.allocation.id, "globex", None),
    ):
        with pytest.raises(AllocationNotFound):
            attempt()

    assert desk.quotas.read == []


def test_anothers_allocation_is_not_there(desk: Desk) -> None:
    with pytest.raises(AllocationNotFound):
        desk.renewer.renew(desk.wish(user="bob"))
    with pytest.raises(AllocationNotFound):
        desk.renewer.outlook(desk.allocation.id, "acme", "bob")
