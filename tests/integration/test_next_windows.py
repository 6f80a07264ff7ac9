"""The next windows are the earliest there are: compared with a search minute by minute."""

import random
from datetime import datetime, timedelta

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.clock import Clock
from tests.support.contenders import add_devices

MINUTE = timedelta(minutes=1)
type Window = tuple[datetime, datetime]


def taken_at_random(chance: random.Random, begin: datetime) -> list[Window]:
    """Reservations of one device that do not overlap, the first of them perhaps begun."""
    at, taken = begin + chance.randint(-30, 60) * MINUTE, []
    for _ in range(chance.randint(0, 5)):
        end = at + chance.randint(15, 90) * MINUTE
        taken.append((at, end))
        at = end + chance.choice([0, 15, 30, 59, 60, 61, 90]) * MINUTE
    return taken


def earliest(calendar: list[tuple[datetime, list[Window]]], begin: datetime, length: timedelta) -> datetime:
    """Try each minute on each device: free from, and its reservations."""
    at = begin
    while not any(
        free_from <= at and all(end <= at or start >= at + length for start, end in taken)
        for free_from, taken in calendar
    ):
        at += MINUTE
    return at


@pytest.mark.parametrize("seed", range(6))
def test_the_next_windows_are_the_earliest(database: Database, still_clock: Clock, seed: int) -> None:
    chance = random.Random(seed)
    now, length = still_clock.read(), chance.choice([15, 60, 61, 120]) * MINUTE
    calendar = []
    for device in add_devices(database, chance.randint(1, 4)):
        lent_until = now + chance.choice([-5, 0, 20, 100]) * MINUTE
        taken = [window for window in taken_at_random(chance, now) if window[1] > now]
        database.call(
            "UPDATE devices SET busy_until = %(at)s, active_allocation_id = gen_random_uuid() WHERE id = %(id)s",
            {"id": device, "at": lent_until},
        )
        for start, end in taken:
            database.call(
                "INSERT INTO reservations (tenant_id, user_id, device_id, starts_at, ends_at, duration_minutes,"
                " created_at, updated_at) VALUES ('acme', 'bob', %(device)s, %(start)s, %(end)s, 60, %(now)s, %(now)s)",
                {"device": device, "start": start, "end": end, "now": now},
            )
        calendar.append((lent_until, taken))

    found = database.rows(
        "SELECT * FROM next_windows('acme', NULL, NULL, %(from)s, %(minutes)s, 3)",
        {"from": now, "minutes": length // MINUTE},
    )

    expected, at = [], now
    for _ in range(3):
        at = earliest(calendar, at, length)
        expected.append({"starts_at": at, "ends_at": at + length})
        at += length
    assert found == expected
