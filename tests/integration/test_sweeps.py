"""The scheduled sweeps on real parts: expire, cleanup, statistics. Each may run twice, late and in parallel."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg2
import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.service import cleaner, expirer
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Api, Context
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees
from tools.handlers import load_function

SCHEDULES = Path(__file__).parents[2] / "events" / "schedule"
RELEASE_EXPIRED = "/scheduler/allocations/release-expired"


class TestExpire:
    """Each minute, or now by request."""

    def test_an_allocation_left_alone_ends_by_itself(self, api: Api, database: Database, still_clock: Clock) -> None:
        (device_id,) = api.add_devices(1)
        lent = api.allocate(durationMinutes=5).data
        still_clock.advance(minutes=6)

        assert _sweep("expire")["expired"] == 1

        row = _only_row(database)
        assert (row["status"], row["duration_seconds"]) == ("expired", 300)
        assert (row["released_at"] - row["allocated_at"]).total_seconds() == 360
        (event,) = database.rows("SELECT type, subject, group_id, data FROM outbox ORDER BY id DESC LIMIT 1", {})
        assert event["type"] == "scheduler.allocation.expired"
        assert (event["subject"], event["group_id"]) == (lent["allocationId"], device_id)
        assert event["data"]["allocatedAt"] == lent["allocatedAt"]
        assert api.allocate(userId="bob").data["fencingToken"] == 2
        assert_ledger_agrees(database)

    def test_an_allocation_that_is_not_due_is_untouched(self, api: Api, database: Database, still_clock: Clock) -> None:
        api.add_devices(1)
        api.allocate(durationMinutes=5)
        before = _only_row(database)
        still_clock.advance(minutes=4, seconds=59)
        assert _sweep("expire")["expired"] == 0
        assert _only_row(database) == before

        still_clock.advance(seconds=1)
        assert _sweep("expire")["expired"] == 1

    def test_a_second_sweep_finds_nothing(self, api: Api, database: Database, clock: Clock) -> None:
        _lend(api, 1)
        clock.advance(hours=2)

        assert [_sweep("expire")["expired"] for _ in range(2)] == [1, 0]
        assert_ledger_agrees(database)

    def test_more_than_a_batch_ends_in_one_sweep(
        self, api: Api, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(expirer, "BATCH", 10)
        _lend(api, 35)
        clock.advance(hours=2)

        assert _sweep("expire")["expired"] == 35
        assert_ledger_agrees(database)

    def test_a_busy_user_delays_only_what_is_hers(
        self, api: Api, database: Database, database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(expirer, "BATCH", 10)
        _lend(api, 30)
        clock.advance(hours=2)

        with closing(psycopg2.connect(database_url)) as other:
            other.cursor().execute("SELECT FROM quota_usage WHERE user_id = 'user-0' FOR UPDATE")
            assert _sweep("expire")["expired"] == 27
            other.rollback()

        assert _sweep("expire")["expired"] == 3
        assert_ledger_agrees(database)

    def test_two_sweeps_at_once_end_each_once(self, api: Api, database: Database, database_url: str) -> None:
        _lend(api, 60)
        Clock(database).advance(hours=2)

        counts = _at_once(database_url, lambda own: _expirer(own).expire)

        assert sum(counts) + _sweep("expire")["expired"] == 60
        assert_ledger_agrees(database)

    def test_releases_at_once_with_a_sweep_end_each_once(
        self, api: Api, database: Database, database_url: str, clock: Clock
    ) -> None:
        device_ids = _lend(api, 30)
        clock.advance(hours=2)

        with ThreadPoolExecutor(1) as pool, closing(Database(lambda: database_url)) as own:
            swept = pool.submit(_expirer(own).expire)
            released = [api.release(device_id).status for device_id in device_ids]

        assert set(released) <= {200, 404}
        assert swept.result() + released.count(200) == 30
        assert_ledger_agrees(database)

    def test_a_sweep_ends_the_overdue_of_every_tenant(self, api: Api, database: Database, clock: Clock) -> None:
        api.add_devices(2)
        api.allocate(durationMinutes=5)
        api.allocate(OTHER_TENANT, durationMinutes=5)
        clock.advance(minutes=6)

        assert _sweep("expire")["expired"] == 2

    def test_a_row_of_an_unknown_device_is_swept_too(self, api: Api, database: Database) -> None:
        _import(database, device_id="gone")

        assert _sweep("expire")["expired"] == 1

        row = _only_row(database)
        assert (row["status"], row["tenant_id"], row["duration_seconds"]) == ("expired", "default", 3600)
        assert_ledger_agrees(database)

    def test_a_row_past_the_claim_takes_its_device_and_gives_it_back(self, api: Api, database: Database) -> None:
        (device_id,) = api.add_devices(1)
        _import(database, device_id=device_id, ends_in="1 hour")

        assert_ledger_agrees(database)
        assert api.get("/scheduler/devices/available", SERVICE).data == []
        assert api.allocate().code == "no_available_devices"

        database.call("UPDATE device_allocations SET expires_at = clock_timestamp()", {})
        assert _sweep("expire")["expired"] == 1
        assert api.allocate().data["fencingToken"] == 2
        assert_ledger_agrees(database)

    def test_a_row_past_the_claim_gets_an_end(self, api: Api, database: Database) -> None:
        database.call(
            "INSERT INTO device_allocations (device_id, user_id, duration_minutes) VALUES ('gone', 'alice', 30)", {}
        )

        row = _only_row(database)
        assert (row["expires_at"] - row["allocated_at"]).total_seconds() == 1800

    def test_a_row_past_the_claim_that_is_left_out_leaves_no_trace(self, api: Api, database: Database) -> None:
        (device_id,) = _lend(api, 1)

        database.call(
            "INSERT INTO device_allocations (device_id, user_id) VALUES (%(id)s, 'bob') ON CONFLICT DO NOTHING",
            {"id": device_id},
        )

        assert _only_row(database)["user_id"] == "user-0"
        assert_ledger_agrees(database)

    def test_a_row_past_the_claim_leaves_its_holders_quota_exact(self, api: Api, database: Database) -> None:
        api.add_devices(2)
        api.allocate(OPERATOR, tenantId="default")
        _import(database, device_id="gone")

        assert _sweep("expire")["expired"] == 1

        assert database.call("SELECT devices FROM quota_usage WHERE user_id = 'alice'", {}) == 1
        assert api.get("/scheduler/allocations/stats", OPERATOR).data["activeAllocations"] == 1
        assert_ledger_agrees(database)


class TestReleaseExpired:
    """POST /scheduler/allocations/release-expired."""

    @pytest.mark.parametrize("claims", [SERVICE, OPERATOR])
    def test_it_sweeps_now_and_counts(self, api: Api, database: Database, clock: Clock, claims: Any) -> None:
        _lend(api, 5)
        clock.advance(hours=2)

        answer = api.post(RELEASE_EXPIRED, claims)

        assert answer.status == 200
        assert answer.json == {"success": True, "count": 5, "message": "Released 5 expired allocations"}
        assert api.post(RELEASE_EXPIRED, claims).json["count"] == 0
        assert_ledger_agrees(database)

    def test_the_same_key_is_told_the_same_count(self, api: Api, clock: Clock) -> None:
        _lend(api, 2)
        clock.advance(hours=2)
        first = api.post(RELEASE_EXPIRED, SERVICE, key="k-1")
        _lend(api, 1)
        clock.advance(hours=2)

        assert api.post(RELEASE_EXPIRED, SERVICE, key="k-1").text == first.text
        assert api.post(RELEASE_EXPIRED, SERVICE, key="k-2").json["count"] == 1
        assert api.post(RELEASE_EXPIRED, SERVICE, {}, key="k-1").text == first.text
        assert api.post(RELEASE_EXPIRED, SERVICE, {"other": "body"}, key="k-1").code == "validation_failed"

    def test_a_user_may_not(self, api: Api, database: Database, clock: Clock) -> None:
        _lend(api, 1)
        clock.advance(hours=2)

        assert (api.post(RELEASE_EXPIRED, USER).status, api.post(RELEASE_EXPIRED, None).status) == (403, 401)
        assert _only_row(database)["status"] == "allocated"


class TestCleanup:
    """Daily: what is older than its retention goes."""

    def test_what_ended_more_than_30_days_ago_goes(self, api: Api, database: Database, still_clock: Clock) -> None:
        old, young = _lend(api, 2)
        api.release(old)
        still_clock.advance(days=1)
        api.release(young)
        still_clock.advance(days=29, seconds=1)

        assert _sweep("cleanup")["allocations"] == 1
        assert _only_row(database)["device_id"] == young

    def test_an_active_one_stays_however_old(self, api: Api, database: Database, clock: Clock) -> None:
        _lend(api, 1)
        clock.advance(days=400)

        assert _sweep("cleanup")["allocations"] == 0
        assert _only_row(database)["status"] == "allocated"

    def test_retention_follows_its_setting(self, api: Api, environment: pytest.MonkeyPatch, clock: Clock) -> None:
        environment.setenv("RETENTION_DAYS", "2")
        api.release(*_lend(api, 1))
        clock.advance(days=2, seconds=1)

        assert _sweep("cleanup")["allocations"] == 1

    def test_many_go_in_batches(
        self, api: Api, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cleaner, "BATCH", 10)
        _insert_ended(database, 25)
        clock.advance(days=31)

        assert _sweep("cleanup")["allocations"] == 25
        assert database.rows("SELECT 1 FROM device_allocations", {}) == []

    def test_events_marks_and_keys_that_have_done_their_work_go(
        self, api: Api, database: Database, clock: Clock
    ) -> None:
        api.add_devices(2)
        api.allocate(key="old")
        database.call("UPDATE outbox SET published_at = scheduler_clock()", {})
        database.call("INSERT INTO inbox VALUES ('usage', 'event-1', scheduler_clock())", {})
        clock.advance(days=7, seconds=1)
        api.allocate(key="new")
        database.call("INSERT INTO inbox VALUES ('usage', 'event-2', scheduler_clock())", {})

        assert _sweep("cleanup")["spent"] == 3

        assert [row["key"] for row in database.rows("SELECT key FROM idempotency_keys", {})] == ["new"]
        assert [row["event_id"] for row in database.rows("SELECT event_id FROM inbox", {})] == ["event-2"]
        assert database.rows("SELECT published_at FROM outbox", {}) == [{"published_at": None}]

    def test_an_event_that_is_not_published_stays_however_old(self, api: Api, database: Database, clock: Clock) -> None:
        _lend(api, 1)
        clock.advance(days=400)

        _sweep("cleanup")

        assert database.call("SELECT count(*) FROM outbox", {}) == 1

    def test_a_key_is_kept_for_24_hours(self, api: Api, still_clock: Clock) -> None:
        api.add_devices(1)
        first = api.allocate(key="k-1")
        still_clock.advance(hours=24)
        _sweep("cleanup")

        assert api.get("/scheduler/allocations", SERVICE).data[0]["allocationId"] == first.data["allocationId"]
        assert _sweep("cleanup")["spent"] == 0
        still_clock.advance(seconds=1)
        assert _sweep("cleanup")["spent"] == 1

    def test_two_cleanups_at_once_share_the_work(
        self, database: Database, database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cleaner, "BATCH", 10)
        _insert_ended(database, 200)
        clock.advance(days=31)

        counts = _at_once(database_url, lambda own: lambda: _cleaner(own).clean().allocations)

        assert sum(counts) == 200
        assert database.rows("SELECT 1 FROM device_allocations", {}) == []


class TestStatistics:
    """Hourly: a snapshot row, and metrics."""

    def test_an_hour_has_one_row(self, api: Api, database: Database, still_clock: Clock) -> None:
        _to_the_full_hour(database, still_clock)
        _sweep("statistics")
        still_clock.advance(minutes=59)
        _sweep("statistics")
        assert len(_snapshots(database)) == 1

        still_clock.advance(minutes=1)
        _sweep("statistics")

        first, second = _snapshots(database)
        assert (second["hour"] - first["hour"]).total_seconds() == 3600
        assert first["taken_at"] == first["hour"]

    def test_the_row_tells_the_fleet_as_it_was(self, api: Api, database: Database, clock: Clock) -> None:
        api.add_devices(1, status="stopped")
        _lend(api, 3)
        clock.advance(hours=2)
        api.release(*_lend(api, 1))

        figures = _sweep("statistics")

        assert _snapshots(database)[0]["figures"] == figures
        assert figures.pop("oldestUnpublishedSeconds") >= 7200
        assert figures == {
            "devices": 5,
            "running": 4,
            "free": 1,
            "allocated": 3,
            "overdue": 3,
            "granted": 4,
            "released": 1,
            "expired": 0,
            "revoked": 0,
            "unpublishedEvents": 5,
        }

    def test_two_at_once_keep_one_row(self, database: Database, database_url: str, still_clock: Clock) -> None:
        _at_once(database_url, lambda own: PostgresUpkeep(own).take_statistics)

        assert len(_snapshots(database)) == 1

    def test_its_metrics_are_a_line_that_cloudwatch_reads(
        self, api: Api, database: Database, capsys: pytest.CaptureFixture[str]
    ) -> None:
        api.add_devices(3)
        api.allocate()
        capsys.readouterr()

        _sweep("statistics")

        (line,) = [line for line in _json_lines(capsys.readouterr().out) if "_aws" in line]
        figures = _read_emf(line)
        assert figures["CloudPhoneScheduler", "Devices"] == (3, "Count")
        assert figures["CloudPhoneScheduler", "DevicesFree"] == (2, "Count")
        assert figures["CloudPhoneScheduler", "DevicesAllocated"] == (1, "Count")
        assert figures["CloudPhoneScheduler", "OutboxUnpublished"] == (1, "Count")
        assert figures["CloudPhoneScheduler", "OutboxOldest"][1] == "Seconds"
        assert figures["CloudPhoneScheduler", "Utilisation"] == (pytest.approx(100 / 3), "Percent")

    def test_an_empty_fleet_is_not_a_fault(self, api: Api) -> None:
        assert _sweep("statistics")["devices"] == 0


class _Silent:
    """A meter that nobody reads."""

    def count(self, name: str, value: float = 1) -> None:
        pass

    def observe(self, name: str, value: float, unit: str) -> None:
        pass


def _sweep(function: str) -> Any:
    """Run a scheduled function as EventBridge does."""
    event = json.loads((SCHEDULES / f"{function}.json").read_text())
    return load_function(function).handler(event, Context())


def _expirer(database: Database) -> expirer.Expirer:
    return expirer.Expirer(PostgresAllocations(database), PostgresKeys(database), NoCache(), _Silent())


def _cleaner(database: Database) -> cleaner.Cleaner:
    return cleaner.Cleaner(PostgresAllocations(database), PostgresUpkeep(database), _Silent(), retention_days=30)


def _at_once[T](database_url: str, job: Callable[[Database], Callable[[], T]]) -> list[T]:
    """Run a job twice at the same moment, each on its own connection."""
    start = Barrier(2)

    def run(_: int) -> T:
        with closing(Database(lambda: database_url)) as own:
            own.call("SELECT 1", {})
            start.wait(timeout=10)
            return job(own)()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))


def _lend(api: Api, count: int) -> list[str]:
    """Add devices and lend each for an hour, to ten users in turn."""
    api.add_devices(count)
    return [api.allocate(userId=f"user-{number % 10}").data["deviceId"] for number in range(count)]


def _import(database: Database, device_id: str, ends_in: str = "-5 minutes") -> None:
    """Insert an hour of alice's the way an import or a repair by hand does: past the claim, without a tenant."""
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, allocated_at, expires_at)"
        " SELECT %(device)s, 'alice', at - interval '1 hour', at"
        " FROM (SELECT clock_timestamp() + %(in)s::interval AS at) e",
        {"device": device_id, "in": ends_in},
    )


def _insert_ended(database: Database, count: int) -> None:
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, status, allocated_at, released_at, fencing_token)"
        " SELECT 'd-' || n, 'alice', 'released', clock_timestamp(), clock_timestamp(), 1"
        " FROM generate_series(1, %(count)s) n",
        {"count": count},
    )


def _only_row(database: Database) -> dict[str, Any]:
    (row,) = database.rows("SELECT * FROM device_allocations", {})
    return row


def _to_the_full_hour(database: Database, still_clock: Clock) -> None:
    now = database.call("SELECT scheduler_clock()", {})
    still_clock.advance(minutes=60 - now.minute, seconds=-now.second, microseconds=-now.microsecond)


def _snapshots(database: Database) -> list[dict[str, Any]]:
    return database.rows("SELECT * FROM statistics_snapshots ORDER BY hour", {})


def _json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line]


def _read_emf(line: dict[str, Any]) -> dict[tuple[str, str], tuple[float, str]]:
    """Read a line of the embedded metric format strictly; give value and unit by namespace and metric."""
    assert isinstance(line["_aws"]["Timestamp"], int)
    found = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert all(isinstance(line[name], str) for names in directive["Dimensions"] for name in names)
        for metric in directive["Metrics"]:
            value = line[metric["Name"]]
            (number,) = value if isinstance(value, list) else [value]
            found[directive["Namespace"], metric["Name"]] = (number, metric["Unit"])
    return found
