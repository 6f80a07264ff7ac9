"""Each record is told once, or again under its key; nothing is lost between telling and marking; on fakes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.domain.billing import RecordKind, UsageRecord
from scheduler.domain.errors import Unavailable
from scheduler.domain.events import BrokenEvent
from scheduler.domain.model import User
from scheduler.service.biller import Biller

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALLOCATION = "9d2e4a16-1c35-4e7b-b0a8-7f6e5d4c3b2a"


def record(segment: int, kind: RecordKind = RecordKind.USAGE) -> UsageRecord:
    user = User("acme", "ana")
    return UsageRecord(ALLOCATION, segment, kind, user, "phone-1", "Phone 1", 4, 4096, 65536, NOON, NOON, 60)


@dataclass
class Records:
    """Keeps records; may lose the writes that mark them."""

    waiting: list[UsageRecord] = field(default_factory=list)
    loses_writes: bool = False
    asked: list[str] = field(default_factory=list)

    def untold(self, allocation_id: str) -> Sequence[UsageRecord]:
        self.asked.append(allocation_id)
        return self.waiting[:100]

    def mark_told(self, told: UsageRecord) -> None:
        if self.loses_writes:
            raise Unavailable
        self.waiting.remove(told)


@dataclass
class Metering:
    """Notes what it is told; fails from some record on."""

    fails_after: int = 1_000_000
    told: list[str] = field(default_factory=list)

    def tell(self, told: UsageRecord) -> None:
        if len(self.told) >= self.fails_after:
            raise Unavailable
        self.told.append(told.key)


def event(allocation_id: object = ALLOCATION) -> dict[str, Any]:
    return {"id": "event-1", "type": "device.released", "data": {"allocationId": allocation_id}}


def test_all_records_of_the_allocation_are_told_and_marked() -> None:
    records, metering = Records([record(1), record(1, RecordKind.CREDIT), record(2)]), Metering()

    Biller(metering, records).deliver(event())

    assert metering.told == [f"{ALLOCATION}:1:usage", f"{ALLOCATION}:1:credit", f"{ALLOCATION}:2:usage"]
    assert records.waiting == []


def test_an_event_that_comes_again_tells_nothing() -> None:
    records, metering = Records([record(1)]), Metering()
    biller = Biller(metering, records)

    biller.deliver(event())
    biller.deliver(event())

    assert len(metering.told) == 1


def test_what_was_told_but_not_marked_is_told_again_under_its_key() -> None:
    records, metering = Records([record(1)], loses_writes=True), Metering()
    with pytest.raises(Unavailable):
        Biller(metering, records).deliver(event())
    records.loses_writes = False

    Biller(metering, records).deliver(event())

    assert metering.told == [f"{ALLOCATION}:1:usage"] * 2


def test_what_could_not_be_told_waits_and_what_was_told_before_it_does_not() -> None:
    records, metering = Records([record(1), record(2)]), Metering(fails_after=1)

    with pytest.raises(Unavailable):
        Biller(metering, records).deliver(event())

    assert records.waiting == [record(2)]


def test_an_allocation_of_hundreds_of_segments_is_told_whole() -> None:
    records, metering = Records([record(number) for number in range(1, 251)]), Metering()

    Biller(metering, records).deliver(event())

    assert len(metering.told) == 250


def test_without_a_billing_service_nothing_is_even_looked_for() -> None:
    records = Records([record(1)])

    Biller(None, records).deliver(event())

    assert records.asked == []


def test_an_id_is_looked_for_in_its_one_form() -> None:
    records = Records()

    Biller(Metering(), records).deliver(event(f"{{{ALLOCATION.upper()}}}"))

    assert records.asked == [ALLOCATION]


@pytest.mark.parametrize("broken", [{}, {"data": []}, {"data": {}}, event(None), event(7), event("phone-1")])
def test_an_event_that_names_no_allocation_is_broken(broken: dict[str, Any]) -> None:
    with pytest.raises(BrokenEvent, match=repr(broken.get("id"))):
        Biller(Metering(), Records()).deliver(broken)
