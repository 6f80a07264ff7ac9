"""Joining the queue and allocating with patience: what stands when something beside it fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.calibration import Calibration, Estimate
from scheduler.domain.errors import NoAvailableDevices, RequestInProgress, SchedulerError, Unavailable
from scheduler.domain.model import Allocation, AllocationRequest, User
from scheduler.domain.outcome import Facts, granted_allocation
from scheduler.domain.plans import plan_document
from scheduler.domain.queue import EntryStatus, QueueEntry, QueueRequest, Tier
from scheduler.domain.quota import QuotaDocument, QuotaTerms
from scheduler.service.queue import Queue
from scheduler.service.waiting import PatientAllocator
from tests.support.fake_meter import FakeMeter

ALICE = User("acme", "alice")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
JOINED = {"outcome": "joined", "entryId": "e"}
SOON = Estimate(p50=60, p90=180, raw_p50=60.0, raw_p90=180.0)


@dataclass
class Parts:
    """A store, a line, quotas, estimates and an allocator in one; each may be broken."""

    facts: Facts = field(default_factory=lambda: JOINED)
    plan: str = "pro"
    refusal: SchedulerError | None = None
    answered: Facts | None = None
    broken: frozenset[str] = frozenset()
    tiers: list[tuple[Tier, int]] = field(default_factory=list)

    def join(self, request: QueueRequest, terms: QuotaTerms, tier: Tier, head_start_seconds: int) -> Facts:
        self.tiers.append((tier, head_start_seconds))
        return self.facts

    def find(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> QueueEntry:
        return QueueEntry(
            entry_id,
            ALICE,
            EntryStatus.WAITING,
            "pro",
            QueueRequest(ALICE, 30, 30).wants,
            30,
            NOON,
            NOON + timedelta(hours=1),
        )

    def document(self, user: User) -> QuotaDocument:
        return plan_document(self.plan)

    def serve(self, limit: int = 0, seconds: float = 0) -> int:
        if "line" in self.broken:
            raise Unavailable
        return 0

    def promise(self, entry_id: str) -> Estimate:
        if "estimates" in self.broken:
            raise ZeroDivisionError
        return SOON

    def estimate(self, entry_ids: Sequence[str]) -> dict[str, Estimate]:
        return dict.fromkeys(entry_ids, self.promise(""))

    def calibration(self, tenant_id: str | None = None) -> Calibration:
        raise NotImplementedError

    def allocate(self, request: AllocationRequest) -> Allocation:
        if self.refusal:
            raise self.refusal
        return granted_allocation(self.answered or {})

    def queue(self) -> Queue:
        return Queue(self, self, self, self, FakeMeter(), ageing_minutes=10)  # type: ignore[arg-type]

    def patient(self) -> PatientAllocator:
        return PatientAllocator(self, self.queue(), self)  # type: ignore[arg-type]


def test_the_tier_comes_from_the_quota_document() -> None:
    parts = Parts(plan="enterprise")

    parts.queue().join(QueueRequest(ALICE, 30, 30))

    assert parts.tiers == [(Tier.ENTERPRISE, 1800)]


def test_who_joined_is_promised_a_time() -> None:
    assert Parts().queue().join(QueueRequest(ALICE, 30, 30)).estimate == SOON


@pytest.mark.parametrize(("broken", "estimate"), [("line", SOON), ("estimates", None)])
def test_a_join_stands_whatever_fails_after_it(broken: str, estimate: Estimate | None) -> None:
    wait = Parts(broken=frozenset([broken])).queue().join(QueueRequest(ALICE, 30, 30))

    assert (wait.entry.id, wait.estimate) == ("e", estimate)


def test_a_wait_is_shown_without_an_estimate_when_there_is_none() -> None:
    assert Parts(broken=frozenset(["estimates"])).queue().find("e", None, None).estimate is None


def test_who_is_refused_for_want_of_devices_waits() -> None:
    wait = Parts(refusal=NoAvailableDevices()).patient().allocate(AllocationRequest(ALICE, 30), 30)

    assert wait.entry.id == "e"  # type: ignore[union-attr]


def test_where_waiting_is_no_use_the_refusal_keeps_its_alternatives() -> None:
    parts = Parts(refusal=NoAvailableDevices(members={"alternatives": ["smaller"]}), facts={"outcome": "nothing_fits"})

    with pytest.raises(NoAvailableDevices) as refusal:
        parts.patient().allocate(AllocationRequest(ALICE, 30), 30)

    assert refusal.value.members == {"alternatives": ["smaller"]}
    assert "would not help" in refusal.value.detail


def test_a_repeated_request_is_told_of_its_own_wait() -> None:
    wait = Parts(answered=JOINED | {"entryId": "mine"}).patient().allocate(AllocationRequest(ALICE, 30), 30)

    assert wait.entry.id == "mine"  # type: ignore[union-attr]


def test_of_two_same_requests_at_once_the_one_that_finds_the_others_grant_is_to_ask_again() -> None:
    parts = Parts(refusal=NoAvailableDevices(), facts={"outcome": "granted", "allocationId": "a"})

    with pytest.raises(RequestInProgress):
        parts.patient().allocate(AllocationRequest(ALICE, 30), 30)
