"""The checker of lives sees each thing that can be wrong with bills, credits and notices."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lifecycles.findings import bill_findings, credit_findings, notice_findings, told_findings
from tests.lifecycles.life import Incident

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
FAILED_AT = NOON + timedelta(seconds=90)
MOVED_AT = NOON + timedelta(seconds=100.5)
ENDED_AT = NOON + timedelta(seconds=300.7)
ALLOCATION: dict[str, Any] = {
    "id": "a",
    "status": "released",
    "segment": 2,
    "allocated_at": NOON,
    "expires_at": NOON + timedelta(hours=1),
    "released_at": ENDED_AT,
    "duration_seconds": 300,
    "end_reason": None,
}


def record(segment: int, kind: str, since: datetime, until: datetime, seconds: int, **more: Any) -> dict[str, Any]:
    plain = {"reason": None, "delivered_at": ENDED_AT, "device_id": f"phone-{segment}", "allocation_id": "a"}
    return {
        "segment": segment,
        "kind": kind,
        "started_at": since,
        "ended_at": until,
        "seconds": seconds,
        **plain,
    } | more


FIRST = record(1, "usage", NOON, MOVED_AT, 100, reason="Device failed: no answer")
CREDIT = record(1, "credit", FAILED_AT, MOVED_AT, 10)
SECOND = record(2, "usage", MOVED_AT, ENDED_AT, 200)
RIGHT = [FIRST, CREDIT, SECOND]
INCIDENTS = [Incident("phone-1", FAILED_AT)]


def test_a_right_book_has_no_findings() -> None:
    assert bill_findings([ALLOCATION], RIGHT) == []
    assert credit_findings([ALLOCATION], RIGHT, INCIDENTS) == []


@pytest.mark.parametrize(
    ("records", "allocation"),
    [
        pytest.param([FIRST], {}, id="a part is missing"),
        pytest.param([FIRST, SECOND | {"seconds": 201}], {}, id="a second too many"),
        pytest.param([FIRST, SECOND | {"started_at": NOON + timedelta(seconds=110)}], {}, id="a gap"),
        pytest.param([FIRST, SECOND], {"duration_seconds": 301}, id="the holder was told otherwise"),
        pytest.param([FIRST, SECOND], {"status": "allocated"}, id="it has not ended"),
        pytest.param([*RIGHT, record(1, "usage", NOON, ENDED_AT, 1, allocation_id="b")], {}, id="of nobody"),
    ],
)
def test_a_wrong_bill_is_seen(records: list[dict[str, Any]], allocation: Mapping[str, Any]) -> None:
    if allocation.get("status") == "allocated":
        assert bill_findings([ALLOCATION | allocation], records) == []  # its closed part is right
        return
    assert bill_findings([ALLOCATION | allocation], records)


@pytest.mark.parametrize(
    ("records", "incidents"),
    [
        pytest.param([FIRST, SECOND], INCIDENTS, id="none although a device failed"),
        pytest.param([FIRST, CREDIT | {"seconds": 11}, SECOND], INCIDENTS, id="a second too many"),
        pytest.param([FIRST, CREDIT | {"started_at": NOON}, SECOND], INCIDENTS, id="from another time"),
        pytest.param([FIRST | {"reason": "Rack moves"}, CREDIT, SECOND], INCIDENTS, id="for what no device did"),
        pytest.param([CREDIT, SECOND], INCIDENTS, id="of no usage"),
        pytest.param(RIGHT, [Incident("phone-2", FAILED_AT)], id="on another device"),
    ],
)
def test_a_wrong_credit_is_seen(records: list[dict[str, Any]], incidents: list[Incident]) -> None:
    assert credit_findings([ALLOCATION], records, incidents)


def test_what_the_billing_service_was_told_is_compared_with_the_records() -> None:
    told = [
        {"key": "a:1:usage", "duration": 100},
        {"key": "a:1:credit", "duration": -10},
        {"key": "a:2:usage", "duration": 200},
    ]

    assert told_findings(RIGHT, told) == []
    assert told_findings(RIGHT, told[:2])
    assert told_findings(RIGHT, [*told, told[0]])
    assert told_findings(RIGHT, [told[0], told[1] | {"duration": 10}, told[2]])
    assert told_findings(RIGHT, [*told, {"key": "b:1:usage", "duration": 1}])
    assert told_findings([*RIGHT[:2], SECOND | {"delivered_at": None}], told)


def test_notices_are_compared_with_the_events() -> None:
    data = {"allocationId": "a", "userId": "u", "tenantId": "t", "deviceId": "d"}
    data |= {"allocatedAt": "2026-11-27T12:00:00Z", "expiredAt": "2026-11-27T13:00:00Z", "durationSeconds": 3600}
    event = {"event_id": "e", "type": "scheduler.allocation.expired", "data": data}
    kept = {"id": "n", "fact": "e", "type": "allocation_expired", "told_at": NOON}

    assert notice_findings([event], [kept], (), [{"key": "n"}]) == []
    assert notice_findings([event], [], (), [])
    assert notice_findings([event], [kept, kept | {"id": "m"}], (), [{"key": "n"}, {"key": "m"}])
    assert notice_findings([event], [kept], (), [])
    assert notice_findings([event], [kept], (), [{"key": "n"}, {"key": "n"}])
    assert notice_findings([event], [kept | {"told_at": None}], (), [{"key": "n"}])
    assert notice_findings([], [kept], (), [{"key": "n"}])
