"""Records are the ended allocations: each planted fault is found and named, and what is right is not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.reconciliations import PostgresReconciliations
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.domain.reconciliation import Mismatch, Reconciliation
from scheduler.service import reconciler
from tests.support.api import Api, Context
from tests.support.billing import fail_over, reconciled, records
from tests.support.clock import Clock
from tests.support.fake_meter import FakeMeter
from tools.handlers import load_function

CREDIT = (
    "INSERT INTO usage_records SELECT allocation_id, {segment}, 'credit', tenant_id, user_id, device_id, device_name,"
    " cpu_cores, memory_mb, storage_mb, started_at, ended_at, {seconds}, 'late', recorded_at, NULL FROM usage_records"
    " WHERE segment = 1 AND kind = 'usage'"
)
DOUBLE = (
    "INSERT INTO usage_records SELECT allocation_id, {segment}, kind, tenant_id, user_id, device_id, device_name,"
    " cpu_cores, memory_mb, storage_mb, started_at, ended_at, {seconds}, reason, recorded_at, NULL FROM usage_records"
    " WHERE segment = 2"
)

PLANTED = [
    pytest.param("no record", "DELETE FROM usage_records", id="all records deleted"),
    pytest.param(
        "segments do not follow each other", "DELETE FROM usage_records WHERE segment = 1", id="the first one deleted"
    ),
    pytest.param("seconds differ", "DELETE FROM usage_records WHERE segment = 2", id="the last one deleted"),
    pytest.param(
        "seconds differ", "UPDATE usage_records SET seconds = seconds + 1 WHERE segment = 1", id="a second too many"
    ),
    pytest.param(
        "seconds differ", "UPDATE usage_records SET seconds = seconds - 1 WHERE segment = 2", id="a second too few"
    ),
    pytest.param(
        "segments do not follow each other", DOUBLE.format(segment=3, seconds=30), id="a segment that is there twice"
    ),
    pytest.param(
        "segments do not follow each other",
        DOUBLE.format(segment=3, seconds=0),
        id="a segment that is there twice and costs nothing",
    ),
    pytest.param(
        "segments do not follow each other",
        "UPDATE usage_records SET segment = 3 WHERE segment = 2",
        id="a segment that is left out",
    ),
    pytest.param(
        "segments do not follow each other",
        "UPDATE usage_records SET started_at = started_at - interval '1 second' WHERE segment = 2",
        id="segments that overlap",
    ),
    pytest.param(
        "credit over its segment", CREDIT.format(segment=1, seconds=61), id="a credit of more than its segment"
    ),
    pytest.param("credit over its segment", CREDIT.format(segment=7, seconds=0), id="a credit without its segment"),
    pytest.param(
        "record of somebody else", "UPDATE usage_records SET user_id = 'bob' WHERE segment = 2", id="a bill to another"
    ),
    pytest.param(
        "record of somebody else", "UPDATE usage_records SET tenant_id = 'globex'", id="a bill to another tenant"
    ),
    pytest.param(
        "record without its allocation", "DELETE FROM device_allocations", id="records whose allocation is gone"
    ),
    pytest.param(
        "recorded before its end",
        "UPDATE device_allocations SET status = 'allocated', released_at = NULL",
        id="a bill before the end",
    ),
]


@pytest.fixture
def lent(api: Api, still_clock: Clock) -> str:
    """An allocation that ended on its second device, after 60 and 30 seconds."""
    api.add_devices(2)
    allocation_id: str = api.allocate().data["allocationId"]
    still_clock.advance(seconds=60)
    moved = fail_over(api, allocation_id)
    still_clock.advance(seconds=30)
    api.release(moved["deviceId"])
    return allocation_id


def test_what_is_right_is_not_found_fault_with(database: Database, lent: str) -> None:
    told = reconciled(database)

    assert [record["seconds"] for record in records(database)] == [60, 30]
    assert told == {"complete": True, "examined": 3, "mismatches": 0, "allocationIds": [], "undelivered": 0}


def test_a_credit_of_all_its_segment_is_right(database: Database, lent: str) -> None:
    database.call(CREDIT.format(segment=1, seconds=60), {})

    assert reconciled(database)["mismatches"] == 0


@pytest.mark.parametrize(("fault", "planted"), PLANTED)
def test_a_planted_fault_is_found_and_its_allocation_named(
    database: Database, lent: str, fault: str, planted: str
) -> None:
    database.call(planted, {})

    store = PostgresReconciliations(database)
    run = _walked(store, store.resume())

    assert run.mismatches == (Mismatch(lent, fault),)
    assert run.count == 1


def test_every_allocation_is_found_in_slices_of_one_and_over_several_runs(
    api: Api, still_clock: Clock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_devices(1)
    lent = []
    for _ in range(5):  # some at the same instant
        grant = api.allocate().data
        still_clock.advance(seconds=5)
        api.release(grant["deviceId"])
        lent.append(grant["allocationId"])
    database.call("UPDATE usage_records SET seconds = 7", {})
    monkeypatch.setattr(reconciler, "ROWS", 1)
    told: dict[str, Any] = {"complete": False}
    runs = 0
    while not told["complete"]:
        told = dict(_reconcile(database, iter([300.0, 300.0, 0.0]).__next__))
        runs += 1

    assert runs > 2
    assert (told["examined"], told["mismatches"]) == (10, 5)
    assert told["allocationIds"] == lent


def test_ends_after_its_beginning_are_left_to_the_next_walk(
    api: Api, database: Database, still_clock: Clock, lent: str
) -> None:
    store = PostgresReconciliations(database)
    begun = store.resume()
    still_clock.advance(seconds=1)
    grant = api.allocate().data
    still_clock.advance(seconds=5)
    api.release(grant["deviceId"])
    database.call("DELETE FROM usage_records WHERE allocation_id = %(id)s::uuid", {"id": grant["allocationId"]})

    assert _walked(store, begun).count == 0
    assert reconciled(database)["allocationIds"] == [grant["allocationId"]]


def test_of_two_walks_at_once_one_keeps_its_place(database_url: str, database: Database, lent: str) -> None:
    def save(_: int) -> bool:
        with closing(Database(lambda: database_url)) as own:
            store = PostgresReconciliations(own)
            run = Reconciliation(begun.id, begun.version, begun.started_at)
            return store.save(run.past(store.examine(run, 100))) is not None

    begun = PostgresReconciliations(database).resume()
    with ThreadPoolExecutor(2) as pool:
        kept = list(pool.map(save, range(2)))

    assert sorted(kept) == [False, True]


def test_what_retention_deleted_is_no_fault(database: Database, clock: Clock, lent: str) -> None:
    clock.advance(days=31)
    assert database.call("SELECT delete_ended(30, 100)", {}) == 1
    assert reconciled(database)["mismatches"] == 0

    clock.advance(days=400)
    assert PostgresUpkeep(database).delete_usage_records(400, 100, told_only=False) == 2
    assert reconciled(database)["mismatches"] == 0


def test_no_record_goes_before_its_allocation(database: Database, clock: Clock, lent: str) -> None:
    clock.advance(days=2)

    assert PostgresUpkeep(database).delete_usage_records(1, 100, told_only=False) == 0
    assert reconciled(database)["mismatches"] == 0


def test_with_a_billing_service_records_go_only_when_it_knows_of_them(
    database: Database, clock: Clock, lent: str
) -> None:
    clock.advance(days=401)
    assert database.call("SELECT delete_ended(30, 100)", {}) == 1
    upkeep = PostgresUpkeep(database)
    database.call("UPDATE usage_records SET delivered_at = scheduler_clock() WHERE segment = 1", {})

    assert upkeep.delete_usage_records(400, 100, told_only=True) == 1
    assert [record["segment"] for record in records(database)] == [2]


def test_history_of_others_is_not_judged(database: Database) -> None:
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, tenant_id, status, allocated_at, expires_at, released_at,"
        " duration_seconds) SELECT 'd', 'u', 't', 'released', at, at, at, 0 FROM (SELECT scheduler_clock() AS at) now",
        {},
    )

    assert reconciled(database) == {
        "complete": True,
        "examined": 1,
        "mismatches": 0,
        "allocationIds": [],
        "undelivered": 0,
    }


def test_what_waits_for_the_billing_service_for_a_day_is_named(database: Database, clock: Clock, lent: str) -> None:
    clock.advance(hours=23)
    assert PostgresReconciliations(database).untold(24).count == 0
    clock.advance(hours=2)

    found = PostgresReconciliations(database).untold(24)

    assert (found.count, found.allocation_ids) == (2, (lent,))
    database.call("UPDATE usage_records SET delivered_at = scheduler_clock()", {})
    assert PostgresReconciliations(database).untold(24).count == 0


def test_the_function_reconciles_when_its_schedule_calls(
    lent: str, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    class Long(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 300_000

    database.call("DELETE FROM usage_records", {})

    told = load_function("reconcile").handler({"id": "run", "detail-type": "Scheduled Event"}, Long())

    assert told["allocationIds"] == [lent]
    assert '"ReconcileMismatches":[1' in capsys.readouterr().out.replace(" ", "")


def _reconcile(database: Database, left: Callable[[], float]) -> Any:
    return reconciler.Reconciler(PostgresReconciliations(database), FakeMeter(), tells=False).run(left)


def _walked(store: PostgresReconciliations, run: Reconciliation) -> Reconciliation:
    while not run.complete:
        saved = store.save(run.past(store.examine(run, 100)))
        assert saved
        run = saved
    return run
