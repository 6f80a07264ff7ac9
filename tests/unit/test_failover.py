"""Failover beside the database: whom it moves, by which quota, and what it does while that cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.domain.errors import AllocationNotActive, QuotaServiceUnavailable
from scheduler.domain.model import DeviceWants, EndedAllocation, User
from scheduler.domain.outcome import Facts
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import QuotaDocument, QuotaTerms
from scheduler.ports.interventions import FailoverOrder, Holder
from scheduler.service.device_events import _text
from scheduler.service.failover import Failover
from tests.support.fake_meter import FakeMeter

ALICE = Holder(User("acme", "alice"), DeviceWants())
MOVED = {
    "outcome": "moved",
    "allocationId": "a",
    "userId": "alice",
    "tenantId": "acme",
    "oldDeviceId": "phone-1",
    "deviceId": "phone-2",
    "creditedSeconds": 0,
}
ORDER = FailoverOrder("a", "Device failed")


@dataclass
class Asked:
    terms: QuotaTerms
    may_move: bool
    last_attempt: bool


@dataclass
class Store:
    """Answers what it was told to, and keeps what it was asked."""

    answers: list[Facts]
    holding: Holder | None = ALICE
    asked: list[Asked] = field(default_factory=list)
    reaped: int = 0

    def holder(self, _: str) -> Holder | None:
        return self.holding

    def holder_of_device(self, _: str) -> str | None:
        return "a" if self.holding else None

    def fail_over(self, _: FailoverOrder, terms: QuotaTerms, *, may_move: bool, last_attempt: bool) -> Facts:
        self.asked.append(Asked(terms, may_move, last_attempt))
        return self.answers.pop(0)

    def reap(self, _: Holder) -> Sequence[EndedAllocation]:
        self.reaped += 1
        return []


class Quotas:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def document(self, _: User) -> QuotaDocument:
        if self.error:
            raise self.error
        return plan_document("basic")


def failover(store: Store, quotas: Quotas | None = None, **options: Any) -> Failover:
    return Failover(store, quotas or Quotas(), NoCache(), FakeMeter(), **options)  # type: ignore[arg-type]


def test_it_moves_within_the_holders_quota() -> None:
    store = Store([MOVED])

    assert failover(store).fail_over(ORDER)["outcome"] == "moved"
    assert store.asked == [Asked(plan_document("basic").terms_for(DeviceWants()), may_move=True, last_attempt=False)]


def test_overdue_allocations_in_the_way_are_ended_before_it_gives_up() -> None:
    store = Store([{"outcome": "worth_retrying"}, MOVED])

    failover(store).fail_over(ORDER)

    assert store.reaped == 1
    assert [asked.last_attempt for asked in store.asked] == [False, True]


def test_without_the_quota_the_terms_refuse_anything_bigger() -> None:
    store = Store([MOVED])

    failover(store, Quotas(QuotaServiceUnavailable())).fail_over(ORDER)

    assert store.asked[0].terms.refusal is not None
    assert store.asked[0].may_move


@pytest.mark.parametrize(("off_for", "may_move"), [(["acme"], False), (["*"], False), (["globex"], True), ([], True)])
def test_tenants_may_be_left_out(off_for: list[str], may_move: bool) -> None:
    store = Store([MOVED])

    failover(store, off_for=off_for).fail_over(ORDER)

    assert store.asked[0].may_move is may_move


def test_what_has_ended_is_told_as_such() -> None:
    with pytest.raises(AllocationNotActive):
        failover(Store([{"outcome": "not_active"}], holding=None)).fail_over(ORDER)


def test_a_device_that_nobody_holds_is_left_by_nobody() -> None:
    assert failover(Store([], holding=None)).leave_device("phone-1", "Quarantined") is None


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("no answer from 10.0.0.7:5555", "Device failed: no answer from (address)"),
        ("10.1.2.3 is away", "Device failed: (address) is away"),
        ("phone-7.rack.example:5555 hung up", "Device failed: (address) hung up"),
        ("[fe80::1]:5555 hung up", "Device failed: (address) hung up"),
        ("battery at 3.7 V, 12:30", "Device failed: battery at 3.7 V, 12:30"),
        (None, "Device failed"),
    ],
)
def test_what_a_host_says_goes_on_without_addresses(told: str | None, kept: str) -> None:
    assert _text("Device failed", told) == kept


def test_an_end_by_time_does_not_count_as_revoked() -> None:
    ended = {"outcome": "expired", "allocationId": "a", "deviceId": "d", "userId": "u", "tenantId": "t"}
    meter = FakeMeter()

    Failover(Store([ended | {"durationSeconds": 1}]), Quotas(), NoCache(), meter).fail_over(ORDER)  # type: ignore[arg-type]

    assert "AllocationRevoked" not in meter.counted
