"""Each check of the audit sees the row that breaks its invariant, and a busy database that is right breaks none."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest

from scheduler.adapters.postgres.audit.orders import NOW, ORDERS
from scheduler.adapters.postgres.audit.store import PostgresAudit
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.domain.audit import Finding, Invariant
from tests.integration import test_audit_promises as promises
from tests.support.api import OPERATOR, OTHER_TENANT, Api
from tests.support.auditing import everything_found

EVERY_CHECK = {check.name for check in (*NOW, *(check for order in ORDERS.values() for check in order.checks))}

# The busy database: phone-1 was released, lent again and is held; phone-2 was released; phone-3 is held by an import.
ACTIVE = "(SELECT id FROM device_allocations WHERE device_id = 'phone-1' AND status = 'allocated')"
ENDED = (
    "(SELECT id FROM device_allocations WHERE device_id = 'phone-1' AND decision IS NOT NULL AND status = 'released')"
)
ADOPTED = "(SELECT id FROM device_allocations WHERE device_id = 'phone-3')"
OF_ACTIVE = f"data ->> 'allocationId' = {ACTIVE}::text"
OF_ENDED = f"data ->> 'allocationId' = {ENDED}::text"
COPY_EVENT = (
    "INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)"
    " SELECT {type}, subject, group_id, tenant_id, {data}, occurred_at, scheduler_clock() FROM outbox WHERE {where}"
)
SECOND_HOLDER = f"""
DROP INDEX device_allocations_active_device;
INSERT INTO device_allocations (id, device_id, user_id, tenant_id, allocated_at, expires_at, fencing_token, decision,
                                cpu_cores, memory_mb, storage_mb)
SELECT 'aaaaaaaa-0000-4000-8000-000000000000', device_id, user_id, tenant_id, allocated_at + interval '1 ms',
       expires_at, fencing_token + 1, decision, cpu_cores, memory_mb, storage_mb
  FROM device_allocations WHERE id = {ACTIVE};
UPDATE devices SET fence = fence + 1 WHERE id = 'phone-1';
UPDATE quota_usage u SET devices = u.devices + 1, cpu_cores = u.cpu_cores + a.cpu_cores,
       memory_mb = u.memory_mb + a.memory_mb, storage_mb = u.storage_mb + a.storage_mb
  FROM device_allocations a
 WHERE a.id = 'aaaaaaaa-0000-4000-8000-000000000000' AND (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id);
UPDATE allocation_counters SET granted = granted + 1 WHERE (tenant_id, shard) IN
       (SELECT tenant_id, shard FROM allocation_counters WHERE tenant_id = 'acme' LIMIT 1);
INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)
SELECT 'device.allocated', device_id, device_id, tenant_id,
       jsonb_build_object('allocationId', id, 'tenantId', tenant_id), allocated_at, scheduler_clock()
  FROM device_allocations WHERE id = 'aaaaaaaa-0000-4000-8000-000000000000'
"""

MOVED = (
    f"UPDATE device_allocations SET segment = 2, segment_started_at = {{since}} WHERE id = {ACTIVE};"
    " INSERT INTO usage_records (allocation_id, segment, tenant_id, user_id, device_id, device_name, cpu_cores,"
    " memory_mb, storage_mb, started_at, ended_at, seconds, recorded_at)"
    " SELECT id, 1, tenant_id, user_id, device_id, 'x', 1, 1, 1, allocated_at, allocated_at, 0, allocated_at"
    f" FROM device_allocations WHERE id = {ACTIVE}"
)

PLANTED = [
    pytest.param(
        "I2",
        {"bill differs"},
        f"DELETE FROM usage_records WHERE allocation_id = {ENDED}",
        id="an end that is not billed",
    ),
    pytest.param(
        "I2",
        {"bill differs"},
        f"UPDATE usage_records SET seconds = seconds + 1 WHERE allocation_id = {ENDED}",
        id="an end that is billed a second too long",
    ),
    pytest.param(
        "I2",
        {"bill differs"},
        "INSERT INTO usage_records SELECT (r).* FROM (SELECT jsonb_populate_record(u,"
        " jsonb_build_object('kind', 'credit', 'seconds', u.seconds + 1)) AS r"
        f" FROM usage_records u WHERE allocation_id = {ENDED}) wrong",
        id="a credit beyond the time",
    ),
    pytest.param(
        "I3",
        {"failover without its one event"},
        MOVED.format(since="allocated_at"),
        id="a failover that was not told",
    ),
    pytest.param(
        "I1",
        {"moved holds overlap"},
        MOVED.format(since=f"(SELECT released_at FROM device_allocations WHERE id = {ENDED}) - interval '1 us'")
        + "; "
        + COPY_EVENT.format(type="'scheduler.allocation.failed_over'", data="data", where=OF_ACTIVE),
        id="a failover to a device that was not free",
    ),
    pytest.param("I1", {"device names another", "holds overlap"}, SECOND_HOLDER, id="a device with two holders"),
    pytest.param(
        "I1",
        {"device names another"},
        "UPDATE devices SET active_allocation_id = NULL WHERE id = 'phone-1'",
        id="a device that looks free",
    ),
    pytest.param(
        "I1",
        {"device names another", "device names one that ended"},
        f"UPDATE devices SET active_allocation_id = {ENDED} WHERE id = 'phone-1'",
        id="a device that names an earlier holder",
    ),
    pytest.param(
        "I1",
        {"device names one that ended"},
        f"UPDATE devices SET active_allocation_id = {ENDED} WHERE id = 'phone-2'",
        id="a free device that names a holder",
    ),
    pytest.param(
        "I1",
        {"device names another"},
        "ALTER TABLE device_heartbeats DROP CONSTRAINT device_heartbeats_device_id_fkey;"
        " DELETE FROM devices WHERE id = 'phone-1'",
        id="a holder whose device is gone",
    ),
    pytest.param(
        "I1",
        {"holds overlap"},
        f"UPDATE outbox SET occurred_at = occurred_at + interval '1 hour'"
        f" WHERE type = 'device.released' AND {OF_ENDED};"
        f" UPDATE device_allocations SET released_at = released_at + interval '1 hour' WHERE id = {ENDED}",
        id="a hold that ended after the next began",
    ),
    pytest.param("I2", {"usage differs"}, "UPDATE quota_usage SET devices = devices + 1", id="usage that is too high"),
    pytest.param(
        "I2",
        {"usage differs"},
        "UPDATE quota_usage SET memory_mb = memory_mb - 1 WHERE devices > 0",
        id="usage that is too low in memory",
    ),
    pytest.param("I2", {"usage differs"}, "DELETE FROM quota_usage", id="a holder without a usage row"),
    pytest.param(
        "I2",
        {"totals differ"},
        "UPDATE allocation_counters SET released = released + 1 WHERE (tenant_id, shard) IN"
        " (SELECT tenant_id, shard FROM allocation_counters LIMIT 1)",
        id="totals that count an end twice",
    ),
    pytest.param(
        "I3",
        {"grant without its one event"},
        f"DELETE FROM outbox WHERE type = 'device.allocated' AND {OF_ACTIVE}",
        id="a grant whose event is lost",
    ),
    pytest.param(
        "I3",
        {"grant without its one event"},
        COPY_EVENT.format(type="type", data="data", where=f"type = 'device.allocated' AND {OF_ACTIVE}"),
        id="a grant that is told twice",
    ),
    pytest.param(
        "I3",
        {"end without its one event"},
        f"DELETE FROM outbox WHERE type = 'device.released' AND {OF_ENDED}",
        id="an end whose event is lost",
    ),
    pytest.param(
        "I3",
        {"end without its one event"},
        COPY_EVENT.format(type="type", data="data", where=f"type = 'device.released' AND {OF_ENDED}"),
        id="an end that is told twice",
    ),
    pytest.param(
        "I3",
        {"end without its one event", "event without its allocation"},
        COPY_EVENT.format(
            type="'scheduler.allocation.expired'", data="data", where=f"type = 'device.released' AND {OF_ENDED}"
        ),
        id="an end that is told in two ways",
    ),
    pytest.param(
        "I3",
        {"event without its allocation"},
        COPY_EVENT.format(type="'device.released'", data="data", where=f"type = 'device.allocated' AND {OF_ACTIVE}"),
        id="the end of an active allocation",
    ),
    pytest.param(
        "I3",
        {"grant without its one event", "event without its allocation"},
        "UPDATE outbox SET occurred_at = occurred_at + interval '1 us'"
        f" WHERE type = 'device.allocated' AND {OF_ACTIVE}",
        id="an event of another instant",
    ),
    pytest.param(
        "I3",
        {"event without its allocation"},
        COPY_EVENT.format(
            type="type", data="""'{"allocationId": "no id", "tenantId": "acme"}'""", where=f"{OF_ACTIVE}"
        ),
        id="an event of no allocation",
    ),
    pytest.param(
        "I3",
        {"adoption without its one event"},
        f"DELETE FROM outbox WHERE data ->> 'allocationId' = {ADOPTED}::text",
        id="an import without its event",
    ),
    pytest.param(
        "I3",
        {"event waits"},
        "INSERT INTO outbox (type, subject, group_id, data, occurred_at)"
        " VALUES ('scheduler.allocation.failed', 'carol', 'acme|carol', '{}',"
        " scheduler_clock() - interval '6 minutes')",
        id="an event that waits",
    ),
    pytest.param(
        "I4",
        {"event overtook another"},
        "UPDATE outbox SET published_at = published_at + interval '1 day'"
        f" WHERE type = 'device.released' AND {OF_ENDED}",
        id="an event that came after the next",
    ),
    pytest.param(
        "I4",
        {"event overtook another"},
        f"UPDATE outbox SET published_at = NULL WHERE type = 'device.released' AND {OF_ENDED}",
        id="an event that was passed over",
    ),
    pytest.param(
        "I5",
        {"token did not rise"},
        f"UPDATE device_allocations SET fencing_token = 1 WHERE id = {ACTIVE}",
        id="a token that was given twice",
    ),
    pytest.param(
        "I5",
        {"token did not rise"},
        f"UPDATE device_allocations SET fencing_token = 2 WHERE id = {ENDED};"
        f" UPDATE device_allocations SET fencing_token = 1 WHERE id = {ACTIVE}",
        id="a token that fell",
    ),
    pytest.param(
        "I5",
        {"token did not rise"},
        "INSERT INTO device_allocations"
        " (device_id, user_id, status, created_at, allocated_at, released_at, fencing_token)"
        " SELECT 'phone-3', 'old', 'released', scheduler_clock() - interval '40 days',"
        " scheduler_clock() - interval '40 days',"
        " scheduler_clock() - interval '40 days', fencing_token FROM device_allocations WHERE device_id = 'phone-3';"
        " UPDATE retention_marks SET deleted_until = scheduler_clock() - interval '30 days' WHERE kind = 'events'",
        id="an import with a token that was given before",
    ),
    pytest.param(
        "I5", {"fence is behind"}, "UPDATE devices SET fence = 1 WHERE id = 'phone-1'", id="a fence that fell"
    ),
    pytest.param(
        "I6",
        {"answer without its grant"},
        """UPDATE idempotency_keys SET answer = answer || '{"allocationId": "aaaaaaaa-0000-4000-8000-000000000000"}'""",
        id="an answer that names nothing",
    ),
    pytest.param(
        "I6",
        {"answer without its grant"},
        "UPDATE idempotency_keys SET created_at = created_at - interval '61 seconds'",
        id="an answer to an older request",
    ),
    pytest.param(
        "I6",
        {"grant under two keys"},
        "INSERT INTO idempotency_keys SELECT tenant_id, caller, route, 'another', body_hash, answer, created_at"
        " FROM idempotency_keys",
        id="one grant for two requests",
    ),
    pytest.param(
        "I6",
        {"key without an answer"},
        "INSERT INTO idempotency_keys SELECT tenant_id, caller, route, 'another', body_hash, NULL,"
        " scheduler_clock() - interval '61 seconds' FROM idempotency_keys",
        id="a key that was left open",
    ),
    pytest.param(
        "I7",
        {"event of another tenant"},
        f"UPDATE outbox SET tenant_id = 'globex' WHERE {OF_ACTIVE}",
        id="an event filed under another tenant",
    ),
    pytest.param(
        "I7",
        {"event of another tenant"},
        f"""UPDATE outbox SET data = data || '{{"tenantId": "globex"}}' WHERE {OF_ACTIVE}""",
        id="an event that tells of another tenant",
    ),
    pytest.param(
        "I7",
        {"answer of another tenant"},
        "UPDATE idempotency_keys SET tenant_id = 'globex'",
        id="an answer kept for another tenant",
    ),
    pytest.param(
        "I8",
        {"allocation overdue"},
        f"UPDATE device_allocations SET expires_at = scheduler_clock() - interval '91 seconds' WHERE id = {ACTIVE}",
        id="an overdue allocation",
    ),
]


@pytest.fixture
def busy(api: Api, database: Database) -> Database:
    """A database in which much happened, all of it right."""
    for name in ("phone-1", "phone-2", "phone-3"):
        api.add_devices(1, id=name)
    for device in ("phone-1", "phone-2"):
        lent = api.allocate(userId="bob").data["deviceId"]
        assert lent == device or api.allocate(userId="bob").status == 201
    _release_all(api, database)
    _import(database)
    _lend_one(api, "phone-1")
    api.allocate(OTHER_TENANT, deviceType="fridge")
    database.call("UPDATE outbox SET published_at = scheduler_clock() + id * interval '1 us'", {})
    return database


@pytest.mark.parametrize(("invariant", "checks", "statement"), PLANTED)
def test_a_broken_row_is_seen_as_what_it_breaks_and_nothing_else(
    busy: Database, invariant: str, checks: set[str], statement: str
) -> None:
    assert _found(busy) == {}

    _run(busy, statement)

    found = _found(busy, rows=2)
    assert set(found) == checks
    assert {finding.invariant for finding in found.values()} == {Invariant(invariant)}
    assert all(finding.rows for finding in found.values())


def test_every_check_has_been_seen_to_fail() -> None:
    by_clock_or_limit = {"transaction lasts", "too many sessions"}

    seen = set().union(*(case.values[1] for case in (*PLANTED, *promises.PLANTED)))
    assert seen | by_clock_or_limit == EVERY_CHECK


def test_every_invariant_has_a_check() -> None:
    checks = (*NOW, *(check for order in ORDERS.values() for check in order.checks))

    assert {check.invariant for check in checks} == set(Invariant)


def test_what_is_overdue_for_less_than_the_period_and_30_seconds_is_in_time(busy: Database) -> None:
    _run(
        busy,
        f"UPDATE device_allocations SET expires_at = scheduler_clock() - interval '91 seconds' WHERE id = {ACTIVE}",
    )

    assert "allocation overdue" in _found(busy, expire_rate_minutes=1)
    assert _found(busy, expire_rate_minutes=2) == {}


def test_a_transaction_that_wrote_and_stays_open_is_seen(busy: Database, database_url: str) -> None:
    with (
        _clock_of_the_machine_ahead(busy, database_url),
        _open_transaction(database_url, "UPDATE devices SET name = ''"),
    ):
        found = _found_at(database_url)

    assert set(found) == {"transaction lasts"}
    (row,) = found["transaction lasts"].rows
    assert row["state"] == "idle in transaction"


def test_a_reader_from_elsewhere_may_take_its_time(busy: Database, database_url: str) -> None:
    with _clock_of_the_machine_ahead(busy, database_url), _open_transaction(database_url, "SELECT 1"):
        assert _found_at(database_url) == {}


def test_events_that_are_marked_at_once_overtake_none(busy: Database) -> None:
    busy.call(
        "WITH gone AS (DELETE FROM outbox RETURNING *) INSERT INTO outbox OVERRIDING SYSTEM VALUE"
        " SELECT * FROM gone ORDER BY id DESC",  # later ones lie before earlier ones, as where space is used again
        {},
    )
    busy.call("UPDATE outbox SET published_at = NULL", {})
    busy.call("ANALYZE outbox", {})  # so small that it is read as it lies

    PostgresOutbox(busy).mark_published([row["id"] for row in busy.rows("SELECT id FROM outbox", {})])

    assert _found(busy) == {}


def test_an_event_is_named_with_what_it_is_ordered_by(busy: Database) -> None:
    _run(busy, "UPDATE outbox SET published_at = NULL, occurred_at = occurred_at - interval '1 hour'")

    waiting = _found(busy)["event waits"].rows
    assert {row["groupId"] for row in waiting} == {"phone-1", "phone-2", "phone-3", "globex|alice"}


def test_too_many_sessions_are_seen(busy: Database, database_url: str) -> None:
    _run(busy, f"ALTER DATABASE {database_url.rpartition('/')[2].partition('?')[0]} CONNECTION LIMIT 1")

    (row,) = _found(busy)["too many sessions"].rows
    assert row["granted"] == 1


def _found(database: Database, *, rows: int = 10_000, expire_rate_minutes: int = 1) -> dict[str, Finding]:
    return everything_found(PostgresAudit(database, expire_rate_minutes), rows)


def _found_at(database_url: str) -> dict[str, Finding]:
    with closing(Database(lambda: database_url)) as own:
        return _found(own)


@contextmanager
def _clock_of_the_machine_ahead(database: Database, database_url: str) -> Iterator[None]:
    """Put eleven seconds between what the server saw and what new sessions take for now."""
    _run(
        database,
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
        " $$ SELECT pg_catalog.clock_timestamp() + interval '11 seconds' $$;"
        f" ALTER DATABASE {database_url.rpartition('/')[2].partition('?')[0]} SET search_path = public, pg_catalog",
    )
    yield


@contextmanager
def _open_transaction(database_url: str, statement: str) -> Iterator[None]:
    with closing(psycopg2.connect(database_url)) as other:
        other.cursor().execute(statement)
        yield
        other.rollback()


def _release_all(api: Api, database: Database) -> None:
    for row in database.rows("SELECT device_id FROM device_allocations WHERE status = 'allocated'", {}):
        assert api.release(row["device_id"]).status == 200


def _import(database: Database) -> None:
    """One active row that is adopted, and one of the past that is not."""
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, allocated_at, duration_minutes)"
        " VALUES ('phone-3', 'ann', clock_timestamp() - interval '5 minutes', 60)",
        {},
    )
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, status, allocated_at, released_at)"
        " VALUES ('phone-1', 'ann', 'released', clock_timestamp() - interval '5 days', clock_timestamp())",
        {},
    )


def _lend_one(api: Api, device_id: str) -> None:
    """Lend this device and no other, under a key."""
    api.call("PATCH", "/scheduler/devices/phone-2", OPERATOR, {"status": "stopped"})
    assert api.allocate(userId="bob", key="one").data["deviceId"] == device_id


def _run(database: Database, statement: str) -> None:
    database.call(statement.replace("%", "%%"), {})
