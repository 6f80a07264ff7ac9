"""What devices tell of themselves, on real Postgres: heartbeats in their own order, apart from the device's row."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.device_reports import PostgresDeviceReports
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.domain.incoming import DeviceHeartbeat, DeviceRecycled, EventMark, Family
from scheduler.domain.model import Strategy
from scheduler.service.device_reports import Reports
from scheduler.service.placement import Placement
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.sessions import holding

DEVICE = "phone-0000"


def beat(clock: Clock, usage: float, seconds_ago: float = 0, device_id: str = DEVICE) -> DeviceHeartbeat:
    """A heartbeat with the same use of everything."""
    at = clock.read() - timedelta(seconds=seconds_ago)
    mark = EventMark(f"e-{at}", Family.HEARTBEAT, device_id, at)
    return DeviceHeartbeat(mark, device_id, usage, usage, usage, at)


def note(database: Database, event: DeviceHeartbeat) -> str:
    return str(PostgresDeviceReports(database).note_heartbeat(event)["outcome"])


def kept(database: Database) -> dict[str, Any]:
    (row,) = database.rows("SELECT cpu_usage, observed_at FROM device_heartbeats", {})
    return row


def row_version(database: Database) -> Any:
    """What Postgres changes with each write of the device's row, and the score that stands there."""
    return database.rows("SELECT xmin::text, placement_score FROM devices", {})[0]


def test_the_newest_heartbeat_counts_in_whatever_order_they_come(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    newest = beat(still_clock, 70, seconds_ago=10)

    outcomes = [note(database, each) for each in (beat(still_clock, 20, 60), newest, beat(still_clock, 40, 30), newest)]

    assert outcomes == ["noted", "noted", "stale", "stale"]
    assert (kept(database)["cpu_usage"], kept(database)["observed_at"]) == (70, newest.observed_at)


def test_a_time_in_the_future_counts_as_now(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    note(database, beat(still_clock, 70, seconds_ago=-3600))

    assert kept(database)["observed_at"] == still_clock.read()
    still_clock.advance(seconds=1)
    assert note(database, beat(still_clock, 20)) == "noted"


@pytest.mark.parametrize("life", ["deleted", None])
def test_a_device_that_is_not_of_the_fleet_is_left_out(
    database: Database, clock: Clock, life: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if life:
        add_devices(database, 1)
        database.call("UPDATE devices SET life = %(life)s", {"life": life})

    with caplog.at_level(logging.INFO):
        Reports(PostgresDeviceReports(database), NoCache()).heartbeat(beat(clock, 20))

    assert database.rows("SELECT * FROM device_heartbeats", {}) == []
    (line,) = [record for record in caplog.records if record.message == "device report"]
    assert (vars(line)["deviceId"], vars(line)["outcome"]) == (DEVICE, "device_not_found")


def test_the_device_s_row_changes_only_when_its_score_moves_a_step(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    versions = []
    for usage in (1, 4, 16, 24, 15):
        still_clock.advance(seconds=10)
        note(database, beat(still_clock, usage))
        versions.append(row_version(database))

    assert [row["placement_score"] for row in versions] == [100, 100, 80, 80, 80]
    assert versions[0] == versions[1]
    assert versions[2] == versions[3] == versions[4]


@pytest.mark.parametrize("strategy", Strategy)
def test_a_heartbeat_scores_as_a_change_of_the_strategy_does(
    database: Database, still_clock: Clock, strategy: Strategy
) -> None:
    add_devices(database, 1)
    placement = Placement(PostgresStrategy(database))
    placement.choose(strategy, by="lee")
    note(database, beat(still_clock, 33))
    scored = row_version(database)["placement_score"]

    database.call("UPDATE placement_strategy SET name = 'none'", {})
    placement.choose(strategy, by="lee")

    assert row_version(database)["placement_score"] == scored


def test_a_busy_device_is_lent_last(database: Database, clock: Clock) -> None:
    add_devices(database, 2)
    note(database, beat(clock, 60))

    assert allocator_on(database).allocate(request("alice")).device_id == "phone-0001"


def test_a_heartbeat_does_not_wait_for_a_claim(database: Database, database_url: str, clock: Clock) -> None:
    add_devices(database, 1)
    note(database, beat(clock, 20, seconds_ago=60))

    with holding(database_url, f"SELECT 1 FROM devices WHERE id = '{DEVICE}' FOR UPDATE"):
        assert note(database, beat(clock, 22)) == "noted"


def test_a_report_of_a_wipe_brings_the_device_back(database: Database, clock: Clock) -> None:
    add_devices(database, 1)
    database.call("UPDATE devices SET life = 'recycling', recycling_since = scheduler_clock()", {})
    at: datetime = clock.read()
    event = DeviceRecycled(EventMark("e-1", Family.RECYCLING, DEVICE, at), DEVICE)
    reports = Reports(PostgresDeviceReports(database), NoCache())

    for _ in range(2):
        reports.recycled(event)

    assert allocator_on(database).allocate(request("alice")).device_id == DEVICE
    assert database.call("SELECT count(*) FROM outbox WHERE type = 'scheduler.device.restored'", {}) == 1
