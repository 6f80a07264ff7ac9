"""The audit on real parts: who may ask, what is told, and that it reads every row once whatever happens meanwhile."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.audit.orders import ORDERS
from scheduler.adapters.postgres.audit.store import PostgresAudit
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.domain.audit import STATEMENTS, Finding, Walk
from scheduler.domain.model import AllocationRequest, ReleaseRequest, RequestKey, User
from scheduler.domain.quota import NO_LIMITS
from scheduler.ports import SliceTooLarge
from scheduler.service import auditor
from scheduler.service.auditor import SPARE_SECONDS, Auditor
from tests.support.api import OPERATOR, SERVICE, USER, Answer, Api, Context
from tests.support.auditing import everything_found
from tests.support.clock import Clock
from tests.support.fake_meter import FakeMeter
from tools.handlers import load_function

MOST_CYCLES = 200
HOURLY = Path(__file__).parents[2] / "events" / "schedule" / "audit.json"
ADDRESS = "adb-7f3a.internal"
BREAK_USAGE = "UPDATE quota_usage SET devices = devices + 1 WHERE user_id = 'bob'"


class LongContext(Context):
    """As much time as the template gives a scheduled run."""

    def get_remaining_time_in_millis(self) -> int:
        """Tell how long the function may still run."""
        return 900_000


@pytest.mark.parametrize("claims", [USER, SERVICE], ids=["user", "service"])
def test_only_an_operator_may_ask(api: Api, claims: dict[str, str]) -> None:
    assert api.get("/scheduler/audit", claims).status == 403


def test_every_invariant_is_told_with_its_statement(api: Api) -> None:
    _live(api)

    data = _audit(api).data

    assert data["holds"]
    assert {told["id"]: told["statement"] for told in data["invariants"]} == STATEMENTS
    assert all(told["holds"] and told["complete"] and not told["findings"] for told in data["invariants"])
    assert data["lastFullRun"] is None


def test_a_broken_row_is_told_by_its_ids_and_nothing_else(
    api: Api, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _live(api)
    database.call("UPDATE devices SET active_allocation_id = NULL", {})
    (lent,) = database.rows("SELECT id::text FROM device_allocations WHERE status = 'allocated'", {})

    answer = _audit(api)

    broken = [told for told in answer.data["invariants"] if not told["holds"]]
    assert not answer.data["holds"]
    assert [(told["id"], told["count"]) for told in broken] == [("I1", 1)]
    (finding,) = broken[0]["findings"]
    assert finding["rows"] == [{"allocationId": lent["id"], "deviceId": "phone-1", "named": None}]
    (record,) = [record for record in caplog.records if record.message == "invariant broken"]
    assert record.levelname == "ERROR"
    assert vars(record)["rows"] == finding["rows"]
    assert ADDRESS not in f"{vars(record)} {answer.text}"


def test_the_hourly_run_tells_its_metrics_and_the_next_look_what_it_found(
    api: Api, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    _live(api)
    capsys.readouterr()
    assert _hourly() == {"complete": True, "violations": 0}
    assert _metrics(capsys.readouterr().out)["AuditViolations"] == [0]
    assert _audit(api).data["lastFullRun"]["holds"]

    database.call(BREAK_USAGE, {})
    capsys.readouterr()
    assert _hourly() == {"complete": True, "violations": 1}
    metrics = _metrics(capsys.readouterr().out)
    assert metrics["AuditViolations"] == [1]
    assert metrics["AuditSeconds"][0] > 0
    last = _audit(api).data["lastFullRun"]
    assert not last["holds"]
    assert [finding["check"] for finding in last["findings"]] == ["usage differs"]
    assert last["startedAt"] <= last["endedAt"]


def test_a_look_reaches_back_a_day_and_a_run_to_the_first_row(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _insert_lone_grants(database, hours_ago=23)
    _insert_lone_grants(database, hours_ago=30)
    _insert_lone_grants(database, hours_ago=700)
    monkeypatch.setattr(auditor, "LOOK_ROWS", 1)

    look = Auditor(_store(database), FakeMeter()).look()

    found = {finding.check: finding for verdict in look.verdicts for finding in verdict.findings if finding.count}
    assert found["grant without its one event"].count == 2  # the slice in which the day ends is examined whole
    run = Auditor(_store(database), FakeMeter())
    run.run(lambda: 900.0)
    last = _store(database).last_full_run()
    assert last
    assert last.progress.findings["grant without its one event"].count == 3


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
def test_offences_are_found_once_however_rows_are_cut(database: Database, rows: int) -> None:
    _insert_broken_everywhere(database)

    found = everything_found(_store(database), rows)

    assert {check: finding.count for check, finding in found.items()} == {
        "grant without its one event": 12,
        "end without its one event": 12,
        "event without its allocation": 12,
        "usage differs": 12,
        "key without an answer": 12,
        "device names one that ended": 12,
    }
    assert all(_distinct(finding) == 12 for finding in found.values())


def test_rows_of_one_instant_can_be_cut(database: Database) -> None:
    _insert_lone_grants(database, hours_ago=1, count=9)

    assert everything_found(_store(database), rows=2)["grant without its one event"].count == 9


def test_a_run_that_was_cut_goes_on_in_another_process(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _insert_broken_everywhere(database)
    monkeypatch.setattr(auditor, "RUN_ROWS", 2)
    runs = 0
    complete = False
    while not complete and runs < 50:
        with closing(Database(lambda: database_url)) as own:
            left = iter([900.0] * 12)
            complete = Auditor(_store(own), FakeMeter()).run(lambda left=left: next(left, SPARE_SECONDS))["complete"]
        runs += 1

    last = _store(database).last_full_run()
    assert runs > 5
    assert last
    assert {finding.count for finding in last.progress.findings.values()} == {0, 12}
    assert database.call("SELECT count(*) FROM audit_runs", {}) == 1


def test_of_two_runs_at_once_one_stops_and_nothing_is_counted_twice(database: Database, database_url: str) -> None:
    _insert_broken_everywhere(database)
    with closing(Database(lambda: database_url)) as own:
        first, second = _store(database), _store(own)
        mine, others = first.resume_run(), second.resume_run()
        assert mine.id == others.id

        for store, run in ((first, mine), (second, others)):
            part = store.next_slice("users", None, 100, None)
            run.progress.add(store.examine("users", part))
            run.progress.walks["users"] = Walk().past(part)

        assert first.save_run(mine)
        assert not second.save_run(others)
        assert first.save_run(mine)
    assert _store(database).resume_run().progress.findings["usage differs"].count == 12


def test_a_busy_database_breaks_nothing_while_it_is_looked_at(api: Api, database: Database, database_url: str) -> None:
    api.add_devices(8)
    enough = Event()
    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(_lend_and_release, database_url, f"user-{number % 2}", enough) for number in range(4)]
        jobs.append(pool.submit(_mark_published, database_url, enough))
        try:
            found = [everything_found(_store(database), rows=500) for _ in range(8)]
        finally:
            enough.set()
        cycles = sum(job.result() for job in jobs)

    assert found == [{}] * 8
    assert cycles > 5


def test_what_cleanups_delete_is_no_violation(api: Api, database: Database, clock: Clock) -> None:
    _live(api)
    for _ in range(3):
        database.call("UPDATE outbox SET published_at = scheduler_clock() WHERE published_at IS NULL", {})
        clock.advance(days=3)
        _sweep_and_clean(database, retention_days=1)
        assert api.allocate(userId="bob", key="again").status in {201, 409}
        assert api.release("phone-1", userId="bob").status in {200, 404}

        assert set(everything_found(_store(database))) <= {"event waits"}
    assert database.call("SELECT count(*) FROM device_allocations", {}) < 4


def test_what_was_lost_after_the_last_cleanup_is_one(api: Api, database: Database, clock: Clock) -> None:
    _live(api)
    clock.advance(days=3)
    _sweep_and_clean(database, retention_days=1)
    api.allocate(userId="bob")
    database.call("DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox)", {})

    assert "grant without its one event" in everything_found(_store(database))


def test_a_statement_that_takes_too_long_is_told_as_such(database: Database, database_url: str) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    database.call(f"ALTER DATABASE {name} SET statement_timeout = '20ms'", {})

    with closing(Database(lambda: database_url)) as limited, pytest.raises(SliceTooLarge):
        _store(limited)._rows("SELECT pg_sleep(5)::text AS slept", {})


def test_a_database_that_is_too_slow_to_be_looked_at_is_unavailable(
    api: Api, database: Database, database_url: str
) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    database.call(f"ALTER DATABASE {name} SET statement_timeout = '1ms'", {})
    runtime.database().close()

    answer = api.get("/scheduler/audit", OPERATOR)

    assert (answer.status, answer.code) == (503, "unavailable")


def test_statements_leave_nothing_in_the_session(database: Database) -> None:
    for order in ORDERS.values():
        texts = [order.lowest, *(check.statement for check in order.checks)]
        assert not any(re.search(r"\b(SET|PREPARE|TEMP|DECLARE|LISTEN)\b", text) for text in texts)


def _audit(api: Api) -> Answer:
    answer = api.get("/scheduler/audit", OPERATOR)
    assert answer.status == 200
    return answer


def _hourly() -> Any:
    return load_function("audit").handler(json.loads(HOURLY.read_text()), LongContext())


def _store(database: Database) -> PostgresAudit:
    return PostgresAudit(database, expire_rate_minutes=1)


def _distinct(finding: Finding) -> int:
    return len({json.dumps(row, sort_keys=True) for row in finding.rows})


def _metrics(logged: str) -> dict[str, list[float]]:
    lines = [json.loads(line) for line in logged.splitlines() if line]
    (line,) = [line for line in lines if "AuditViolations" in line]
    assert line["service"] == "scheduler"
    return {name: line[name] for name in ("AuditViolations", "AuditSeconds")}


def _lend_and_release(database_url: str, user: str, enough: Event) -> int:
    cycles = 0
    with closing(Database(lambda: database_url)) as own:
        store = PostgresAllocations(own)
        while not enough.is_set() and cycles < MOST_CYCLES:
            key = RequestKey("acme", "user:u", "POST /r", f"{user}-{get_ident()}-{cycles}", "")
            lent = store.claim(AllocationRequest(User("acme", user), 60, key=key), NO_LIMITS, last_attempt=True)
            store.release(ReleaseRequest("acme", None, lent["deviceId"], lent["allocationId"]))
            cycles += 1
    return cycles


def _mark_published(database_url: str, enough: Event) -> int:
    marked = 0
    with closing(Database(lambda: database_url)) as own:
        outbox = PostgresOutbox(own)
        while not enough.is_set() and marked < MOST_CYCLES:
            outbox.mark_published([event.position for event in outbox.oldest(1)])
            marked += 1
    return marked


def _live(api: Api) -> None:
    """Some life: one allocation that ended, one that is active."""
    api.add_devices(1, id="phone-1", adbHost=ADDRESS)
    api.allocate(userId="alice")
    api.release("phone-1")
    api.allocate(userId="bob", key="once")


def _sweep_and_clean(database: Database, retention_days: int) -> None:
    allocations, upkeep = PostgresAllocations(database), PostgresUpkeep(database)
    allocations.expire_due(100)
    while allocations.delete_ended(retention_days, 100) + upkeep.delete_spent(100):
        pass


def _insert_lone_grants(database: Database, *, hours_ago: int, count: int = 1) -> None:
    """Grants of one instant without event, of devices that are not of the fleet; they have ended, and far ahead."""
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, status, allocated_at, fencing_token, decision)"
        " SELECT 'gone-' || gen_random_uuid(), 'ann', 'released', at, 1, '{}' FROM generate_series(1, %(count)s),"
        " (SELECT scheduler_clock() - make_interval(hours => %(hours)s) AS at) t",
        {"hours": hours_ago, "count": count},
    )


def _insert_broken_everywhere(database: Database) -> None:
    """Twelve of each: ended grants without events, events of nothing, usage, keys, devices that name nothing."""
    for statement in (
        "INSERT INTO device_allocations"
        " (device_id, user_id, status, allocated_at, released_at, fencing_token, decision)"
        " SELECT 'gone-' || n, 'ann', 'released', scheduler_clock() - n * interval '5 hours',"
        " scheduler_clock() - n * interval '4 hours', 1, '{}' FROM generate_series(1, 12) n",
        "INSERT INTO outbox (type, subject, group_id, data, occurred_at, published_at)"
        " SELECT 'device.allocated', 'lost-' || n, 'lost-' || n, '{}', scheduler_clock(), scheduler_clock()"
        " FROM generate_series(1, 12) n",
        "INSERT INTO quota_usage (tenant_id, user_id, devices) SELECT 't-' || mod(n, 3), 'u-' || n, 1"
        " FROM generate_series(1, 12) n",
        "INSERT INTO idempotency_keys (tenant_id, caller, route, key, body_hash, created_at)"
        " SELECT 't-' || mod(n, 2), 'user:u', 'r', n, '', scheduler_clock() - n * interval '2 minutes'"
        " FROM generate_series(1, 12) n",
        "INSERT INTO spec_classes (device_type, cpu_cores, memory_mb, storage_mb) VALUES ('a', 1, 1, 1)",
        "INSERT INTO devices (id, name, device_type, cpu_cores, memory_mb, storage_mb, adb_host, adb_port, class_id,"
        " active_allocation_id) SELECT 'd-' || n, 'd', 'a', 1, 1, 1, 'h', 1, (SELECT min(id) FROM spec_classes),"
        " gen_random_uuid() FROM generate_series(1, 12) n",
    ):
        database.call(statement, {})
