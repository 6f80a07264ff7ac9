"""Batches on a store that answers what the test says: what is asked of it, told, counted and evicted."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from scheduler.domain.batch import Batch, Claim, Extension, LaterEnd, Mode, Refused
from scheduler.domain.errors import AllocationNotFound, Forbidden, QuotaExceeded
from scheduler.domain.model import AllocationRequest, DeviceWants, User
from scheduler.domain.outcome import Facts
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import QuotaDocument
from scheduler.service.batches import Batches
from tests.support.fake_meter import FakeMeter

ANA, BEN = User("acme", "ana"), User("acme", "ben")
GRANTED: Facts = {
    "outcome": "granted",
    "allocationId": "a-1",
    "deviceId": "phone-1",
    "deviceName": "Phone",
    "deviceStatus": "running",
    "userId": "ana",
    "tenantId": "acme",
    "allocatedAt": "2026-03-01T12:00:00Z",
    "expiresAt": "2026-03-01T13:00:00Z",
    "durationMinutes": 60,
    "fencingToken": 1,
    "adbHost": "10.0.0.7",
    "adbPort": 5555,
}
ENDED: Facts = {
    "outcome": "expired",
    "allocationId": "a-0",
    "deviceId": "phone-1",
    "userId": "late",
    "tenantId": "acme",
    "durationSeconds": 300,
}
OVER_QUOTA: Facts = {"outcome": "over_quota", "reason": "too many", "remainingDevices": 0}
NOT_FOUND: Facts = {"outcome": "not_found"}


class Parts:
    """Store, quotas and cache in one; remembers what it was asked."""

    def __init__(self, answer: Facts, *, readable: Collection[User] = (ANA, BEN)) -> None:
        self.answer = answer
        self.asked: list[Any] = []
        self.evictions = 0
        self._readable = readable

    def claim(self, batch: Batch[Claim | Refused]) -> Facts:
        self.asked = list(batch.items)
        return self.answer

    def release(self, batch: Batch[str]) -> Facts:
        self.asked = list(batch.items)
        return self.answer

    def holders(self, tenant_id: str | None, allocation_ids: Sequence[str]) -> Mapping[str, User]:
        return {each: {"a": ANA, "b": BEN}[each[0]] for each in allocation_ids if each[0] in "ab"}

    def renew(self, batch: Batch[Extension | Refused], later: LaterEnd) -> Facts:
        self.asked = list(batch.items)
        return self.answer

    def documents(self, users: Collection[User]) -> Mapping[User, QuotaDocument]:
        return {user: plan_document("pro") for user in users if user in self._readable}

    def evict(self) -> None:
        self.evictions += 1


def batches_of(parts: Parts, meter: FakeMeter | None = None) -> Batches:
    return Batches(parts, parts, None, parts, meter or FakeMeter())  # type: ignore[arg-type]


def done(*results: Facts, **more: Any) -> Facts:
    return {"outcome": "done", "results": list(results)} | more


def wish(user: User) -> AllocationRequest:
    return AllocationRequest(user, 60, DeviceWants())


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None]]:
    return [(each.message, getattr(each, "userId", None)) for each in caplog.records]


def test_each_decision_is_one_line_and_counted_as_alone_and_the_list_is_evicted_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    meter, parts = FakeMeter(), Parts(done(GRANTED, OVER_QUOTA, GRANTED, reaped=[ENDED]))

    result = batches_of(parts, meter).allocate(Batch("acme", [wish(ANA), wish(BEN), wish(ANA)]))

    assert [index for index, _ in result.successes] == [0, 2]
    assert lines(caplog) == [("ended", "late"), ("refused", "ben"), ("granted", "ana"), ("granted", "ana")]
    assert meter.counted == {"AllocationsReaped": 1, "AllocationGranted": 2, "AllocationRefused.quota_exceeded": 1}
    assert parts.evictions == 1


def test_an_undone_batch_is_told_as_its_one_refusal_and_evicts_only_for_what_was_overdue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    meter, parts = FakeMeter(), Parts({"outcome": "undone", "index": 1, "failure": OVER_QUOTA})

    with pytest.raises(QuotaExceeded):
        batches_of(parts, meter).allocate(Batch("acme", [wish(ANA), wish(BEN)], Mode.ATOMIC))

    assert lines(caplog) == [("refused", "ben")]
    assert meter.counted == {"AllocationRefused.quota_exceeded": 1}
    assert parts.evictions == 0


def test_what_is_refused_beforehand_keeps_its_place() -> None:
    parts = Parts(done(GRANTED, NOT_FOUND, NOT_FOUND), readable=[ANA])

    batches_of(parts).allocate(Batch("acme", [wish(ANA), Forbidden("not yours"), wish(BEN)]))

    first, *others = parts.asked
    assert isinstance(first, Claim)
    assert others == [
        Refused({"outcome": "forbidden", "reason": "not yours"}),
        Refused({"outcome": "quota_unavailable"}),
    ]


def test_a_renewal_is_asked_for_by_the_holders_tier_and_not_for_what_nobody_holds() -> None:
    parts = Parts(done(NOT_FOUND, NOT_FOUND, NOT_FOUND), readable=[ANA])

    batches_of(parts).renew(Batch("acme", ["a-1", "x-1", "b-1"]), LaterEnd(30))

    first, *others = parts.asked
    assert (first.allocation_id, first.terms.tier.max_count) == ("a-1", 10)
    assert others == [Refused(NOT_FOUND), Refused({"outcome": "quota_unavailable"})]
    assert parts.evictions == 0


def test_releases_are_told_and_evict_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    meter, parts = FakeMeter(), Parts(done(ENDED, NOT_FOUND))

    result = batches_of(parts, meter).release(Batch("acme", ["a-0", "a-9"]))

    assert [type(failure.error) for failure in result.failures] == [AllocationNotFound]
    assert lines(caplog) == [("refused", None), ("ended", "late")]
    assert meter.counted == {"AllocationReleased": 1, "ReleaseRefused.allocation_not_found": 1}
    assert parts.evictions == 1
