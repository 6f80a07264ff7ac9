"""What a row of another system's device_allocations becomes, or why it cannot come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.adopt.devices import judged as judged_device
from tools.adopt.rows import OPTIONAL, REQUIRED, Unfit, judged

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    """Give an active row of an hour, changed."""
    told = {
        "id": "6f0d2a52-5f7c-4c1e-9a4d-0d8f5a0b7c11",
        "device_id": "phone-1",
        "user_id": "alice",
        "status": "allocated",
        "allocated_at": NOON,
        "expires_at": NOON + timedelta(hours=1),
        "duration_minutes": 60,
    }
    return {**dict.fromkeys((*REQUIRED, *OPTIONAL)), **told, **changes}


def test_an_active_row_keeps_what_it_says() -> None:
    allocation = judged(row(tenant_id="acme", metadata={"run": 7}))

    assert allocation.is_active
    assert allocation.columns["tenant_id"] == "acme"
    assert allocation.columns["metadata"] == {"run": 7}
    assert allocation.columns["released_at"] is None
    assert allocation.columns["duration_seconds"] is None


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        pytest.param({}, "tenant_id", "default", id="no tenant"),
        pytest.param({"expires_at": None}, "expires_at", "2026-03-01T13:00:00+00:00", id="no end: the minutes after"),
        pytest.param({"duration_minutes": None}, "duration_minutes", 60, id="no minutes: until the end"),
        pytest.param(
            {"duration_minutes": None, "expires_at": NOON + timedelta(seconds=61)},
            "duration_minutes",
            2,
            id="rounded up",
        ),
        pytest.param({"duration_minutes": None, "expires_at": None}, "duration_minutes", 60, id="neither: an hour"),
    ],
)
def test_what_is_missing_follows_from_the_rest(changes: dict[str, Any], column: str, expected: object) -> None:
    assert judged(row(**changes)).columns[column] == expected


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        pytest.param({"released_at": NOON + timedelta(seconds=90, milliseconds=900)}, 90, id="until it was given back"),
        pytest.param({"released_at": NOON + timedelta(hours=3)}, 3600, id="no longer than it was lent"),
    ],
)
def test_billed_seconds_that_are_missing_are_computed(changes: dict[str, Any], seconds: int) -> None:
    allocation = judged(row(status="released", **changes))

    assert allocation.columns["duration_seconds"] == seconds
    assert allocation.is_computed


def test_billed_seconds_that_are_there_stay() -> None:
    allocation = judged(row(status="released", released_at=NOON + timedelta(minutes=5), duration_seconds=299))

    assert allocation.columns["duration_seconds"] == 299
    assert not allocation.is_computed


def test_an_expired_row_without_its_end_ended_as_it_expired() -> None:
    assert judged(row(status="expired")).columns["released_at"] == "2026-03-01T13:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"id": "7"}, "not a UUID", id="id"),
        pytest.param({"status": "lost"}, "status is none of allocated, released", id="status"),
        pytest.param({"user_id": None}, "user_id is empty", id="user"),
        pytest.param({"device_id": "x" * 256}, "device_id has 256 characters", id="device"),
        pytest.param({"allocated_at": None}, "allocated_at is empty", id="begin"),
        pytest.param({"duration_minutes": 0}, "duration_minutes is not above 0", id="minutes"),
        pytest.param({"expires_at": NOON}, "expires before it begins", id="expiry"),
        pytest.param({"status": "released"}, "released_at is empty", id="end"),
        pytest.param({"status": "revoked", "released_at": NOON - timedelta(1)}, "ended before it began", id="order"),
        pytest.param(
            {"status": "released", "released_at": NOON, "duration_seconds": -1}, "duration_seconds", id="seconds"
        ),
        pytest.param({"metadata": [1]}, "metadata: not an object", id="metadata"),
        pytest.param({"metadata": {"x": "y" * 5000}}, "larger than 4 KB", id="large metadata"),
    ],
)
def test_a_row_that_cannot_come_says_why(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Unfit, match=why):
        judged(row(**changes))


def test_a_device_comes_as_the_api_would_take_it() -> None:
    given = {"id": "p-1", "deviceType": "android-14", "cpuCores": "4", "memoryMB": "8192", "storageMB": "65536"}

    device_id, columns = judged_device({**given, "adbHost": "10.0.0.1", "adbPort": "5555", "labels": '{"rack": 3}'})

    assert device_id == "p-1"
    assert not isinstance(columns, str)
    assert (columns["name"], columns["cpu_cores"], columns["labels"]) == ("p-1", 4, {"rack": 3})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"name": "nameless"}, "no id", id="no id"),
        pytest.param({"id": "p-1", "labels": "{"}, "labels is not JSON", id="labels"),
        pytest.param({"id": "p-1", "cpuCores": "0"}, "cpuCores: ", id="cores"),
        pytest.param({"id": "p-1", "colour": "red"}, "colour: There is no such field", id="unknown"),
    ],
)
def test_a_device_that_cannot_come_says_why(given: dict[str, Any], why: str) -> None:
    columns = judged_device(given)[1]

    assert isinstance(columns, str)
    assert why in columns
