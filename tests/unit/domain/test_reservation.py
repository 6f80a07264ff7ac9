"""What the facts of reservations mean, and how their totals are told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.reservation import (
    Reservation,
    ReservationStatus,
    ReservationTotals,
    Window,
    conflicts_of,
    reservation_of,
)

FACTS = {
    "reservationId": "r-1",
    "tenantId": "acme",
    "userId": "ana",
    "deviceId": "phone-1",
    "status": "pending",
    "startTime": "2026-03-02T12:00:00Z",
    "endTime": "2026-03-02T13:00:00Z",
    "durationMinutes": 60,
    "deviceType": "pixel-9",
    "minCpu": 4,
    "minMemory": 8192,
    "minStorage": 128,
    "remindBeforeMinutes": 15,
    "createdAt": "2026-03-01T09:30:00.500000Z",
    "timeZone": "Europe/Berlin",
    "seriesId": "s-1",
    "allocationId": None,
    "executedAt": None,
    "reason": None,
    "metadata": {"run": 7},
}
NOON_TO_ONE = Window(datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC))
PENDING = Reservation(
    id="r-1",
    user=User("acme", "ana"),
    device_id="phone-1",
    status=ReservationStatus.PENDING,
    window=NOON_TO_ONE,
    duration_minutes=60,
    wants=DeviceWants("pixel-9", 4, 8192, 128),
    remind_before_minutes=15,
    created_at=datetime(2026, 3, 1, 9, 30, 0, 500000, tzinfo=UTC),
    time_zone="Europe/Berlin",
    series_id="s-1",
    metadata={"run": 7},
)


def test_a_reservation_is_read_whole() -> None:
    assert reservation_of(FACTS) == PENDING


def test_a_reservation_that_was_served_says_when_by_what_and_how_it_ended() -> None:
    served = reservation_of(
        FACTS
        | {
            "status": "completed",
            "allocationId": "a-1",
            "executedAt": "2026-03-02T12:00:03Z",
            "reason": "no_show",
        }
    )

    assert served.status is ReservationStatus.COMPLETED
    assert (served.allocation_id, served.reason) == ("a-1", "no_show")
    assert served.executed_at == datetime(2026, 3, 2, 12, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize("in_the_way", [True, False])
def test_a_conflict_shows_ones_own_reservations_whole_and_others_as_bare_windows(in_the_way: bool) -> None:
    others = {"startTime": "2026-03-02T12:00:00Z", "endTime": "2026-03-02T13:00:00Z"}
    next_one = {"startTime": "2026-03-02T14:00:00Z", "endTime": "2026-03-02T15:00:00Z"}

    told = conflicts_of(
        {"hasConflict": in_the_way, "conflictingReservations": [FACTS, others], "nextWindows": [next_one]}
    )

    assert told.has_conflict is in_the_way
    assert told.reservations == (PENDING, NOON_TO_ONE)
    assert told.next_windows == (Window(datetime(2026, 3, 2, 14, tzinfo=UTC), datetime(2026, 3, 2, 15, tzinfo=UTC)),)


def totals(**counts: int) -> ReservationTotals:
    by_status: dict[Any, int] = dict.fromkeys(ReservationStatus, 0)
    return ReservationTotals(by_status | {ReservationStatus(name): n for name, n in counts.items()}, 0, None)


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        pytest.param({"completed": 3, "executing": 3, "failed": 1, "expired": 1}, 0.75, id="three of four"),
        pytest.param({"completed": 2}, 1.0, id="all that came were served"),
        pytest.param({"failed": 1}, 0.0, id="none was served"),
        pytest.param({"expired": 2, "executing": 2}, 0.5, id="one is being served, one was missed"),
        pytest.param({"pending": 5, "cancelled": 5}, None, id="none came yet"),
    ],
)
def test_success_is_the_share_of_the_windows_that_came(counts: dict[str, int], share: float | None) -> None:
    assert totals(**counts).success_rate == share


def test_the_total_counts_reservations_in_every_status() -> None:
    assert totals(pending=1, executing=2, completed=3, failed=4, cancelled=5, expired=6).total == 21
