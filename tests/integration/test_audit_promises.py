"""The checks of renewals, reservations and the queue see the row that breaks them, and nothing in what is right."""

import pytest

from scheduler.adapters.postgres.audit.store import PostgresAudit
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.audit import Finding, Invariant
from tests.support.api import OPERATOR, Api
from tests.support.auditing import everything_found

RENEWED = "(SELECT id FROM device_allocations WHERE device_id = 'phone-1')"
EXECUTED = "(SELECT id FROM device_allocations WHERE device_id = 'phone-3')"
PENDING, EXECUTING, CANCELLED, EXPIRED, FAILED = (f"b0000000-0000-4000-8000-00000000000{n}" for n in range(5))
WAITING, FULFILLED, GONE, LATE = (f"c0000000-0000-4000-8000-00000000000{n}" for n in range(4))

_RENEWALS = f"""
INSERT INTO allocation_renewals
SELECT id, n, allocated_at + n * interval '1 second', 10, expires_at + (n - 1) * interval '10 minutes',
       expires_at + n * interval '10 minutes' FROM device_allocations, generate_series(1, 2) n WHERE id = {RENEWED};
INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)
SELECT 'scheduler.allocation.renewed', a.id, a.device_id, a.tenant_id,
       jsonb_build_object('allocationId', a.id, 'tenantId', a.tenant_id), r.renewed_at, scheduler_clock()
  FROM device_allocations a JOIN allocation_renewals r ON r.allocation_id = a.id;
UPDATE device_allocations SET expires_at = expires_at + interval '20 minutes', renewal_count = 2, renewed_minutes = 20,
       last_renewed_at = allocated_at + interval '2 seconds' WHERE id = {RENEWED};
"""
_RESERVATIONS = f"""
INSERT INTO reservations (id, tenant_id, user_id, device_id, status, starts_at, ends_at, duration_minutes,
                          allocation_id, executed_at, created_at, updated_at)
SELECT ids.id, 'acme', 'rita', device, state, scheduler_clock() + begins,
       scheduler_clock() + begins + interval '30 min', 30, CASE state WHEN 'executing' THEN {EXECUTED} END,
       CASE state WHEN 'executing' THEN scheduler_clock() END,
       scheduler_clock(), scheduler_clock()
  FROM (VALUES ('{PENDING}'::uuid, 'phone-2', 'pending', interval '2 hours'),
               ('{EXECUTING}', 'phone-3', 'executing', '0'),
               ('{CANCELLED}', 'phone-2', 'cancelled', '1 hour'),
               ('{EXPIRED}', 'phone-2', 'expired', '-1 hour'),
               ('{FAILED}', 'phone-2', 'failed', '-30 minutes')) ids (id, device, state, begins);
UPDATE device_allocations SET reservation_id = '{EXECUTING}' WHERE id = {EXECUTED};
UPDATE devices SET next_reserved_at = (SELECT starts_at FROM reservations WHERE id = '{PENDING}') WHERE id = 'phone-2';
INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)
SELECT 'scheduler.reservation.' || told, r.id, 'acme|rita', 'acme', '{{}}', r.created_at, scheduler_clock()
  FROM reservations r CROSS JOIN LATERAL (VALUES ('created'), (CASE r.status WHEN 'executing' THEN 'executed'
       WHEN 'pending' THEN 'updated' ELSE r.status END)) events (told);
"""
_QUEUE = f"""
INSERT INTO queue_entries (id, tenant_id, user_id, status, tier, rank, duration_minutes, wants, terms_read_at,
                           joined_at, expires_at, ended_at, allocation_id, device_id)
SELECT ids.id, 'acme', who, state, 'pro', 1, 30, ROW ('fridge', NULL, NULL, NULL)::device_wants, at - joined,
       at - joined, at - joined + interval '30 min', CASE WHEN state <> 'waiting' THEN at END,
       CASE state WHEN 'fulfilled' THEN {RENEWED} END, CASE state WHEN 'fulfilled' THEN 'phone-1' END
  FROM (SELECT scheduler_clock() AS at) now,
       (VALUES ('{WAITING}'::uuid, 'will', 'waiting', interval '10 minutes'), ('{FULFILLED}', 'bob', 'fulfilled', '0'),
               ('{GONE}', 'will', 'cancelled', '0'), ('{LATE}', 'will', 'expired', '30 minutes'))
       ids (id, who, state, joined);
INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)
SELECT 'scheduler.queue.' || told, e.id, 'acme|' || e.user_id, 'acme', '{{}}', e.joined_at, scheduler_clock()
  FROM queue_entries e CROSS JOIN LATERAL (VALUES ('joined'), (nullif(e.status, 'waiting'))) events (told)
 WHERE told IS NOT NULL;
UPDATE devices SET held_for = '{WAITING}' WHERE id = 'phone-4';
"""
_UNHELD = "UPDATE devices SET held_for = NULL WHERE id = 'phone-4'"
_LONG_AGO = (
    "ALTER TABLE devices DISABLE TRIGGER devices_updated_at;"
    " UPDATE devices SET updated_at = updated_at - interval '1 hour' WHERE id = 'phone-4'"
)
_WANTS_ANY = f"UPDATE queue_entries SET wants = NULL WHERE id = '{WAITING}'"
_ENDED_NOW = f"SET status = 'released', released_at = scheduler_clock() WHERE id = {EXECUTED}"
_DELETE_EVENT = "DELETE FROM outbox WHERE type = 'scheduler.{}' AND subject = '{}'"
_COPY_EVENT = (
    "INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)"
    " SELECT 'scheduler.{}', subject, group_id, tenant_id, data, scheduler_clock(), scheduler_clock() FROM outbox"
    " WHERE subject = '{}' LIMIT 1"
)

PLANTED = [
    # Renewals
    pytest.param(
        "I6",
        {"renewals differ"},
        "UPDATE allocation_renewals SET (old_expires_at, new_expires_at) = (SELECT old_expires_at, new_expires_at"
        " FROM allocation_renewals WHERE number = 1) WHERE number = 2;"
        " UPDATE device_allocations SET expires_at = expires_at - interval '10 minutes' WHERE renewal_count = 2",
        id="two renewals that merged",
    ),
    pytest.param(
        "I6",
        {"renewals differ"},
        "UPDATE allocation_renewals SET number = 3 WHERE number = 2",
        id="a history with a gap",
    ),
    pytest.param(
        "I6",
        {"renewals differ"},
        f"UPDATE device_allocations SET expires_at = expires_at - interval '1 minute' WHERE id = {RENEWED}",
        id="a renewal that was shortened afterwards",
    ),
    pytest.param(
        "I6",
        {"renewals differ"},
        f"UPDATE device_allocations SET duration_minutes = duration_minutes + 1 WHERE id = {RENEWED}",
        id="a history that begins elsewhere",
    ),
    pytest.param(
        "I6",
        {"renewals differ"},
        f"UPDATE device_allocations SET renewed_minutes = 10 WHERE id = {RENEWED}",
        id="renewed minutes that were counted once for twice",
    ),
    pytest.param(
        "I6",
        {"renewals differ"},
        "INSERT INTO allocation_renewals SELECT id, 1, scheduler_clock() - interval '40 days', 10, expires_at,"
        f" expires_at + interval '10 minutes' FROM device_allocations WHERE id = {EXECUTED}",
        id="a history without a renewal",
    ),
    pytest.param(
        "I3",
        {"renewal without its one event"},
        "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox WHERE type = 'scheduler.allocation.renewed')",
        id="a renewal whose event is lost",
    ),
    pytest.param(
        "I3",
        {"event without its renewal"},
        "INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at, published_at)"
        " SELECT type, subject, group_id, tenant_id, data, scheduler_clock(), scheduler_clock() FROM outbox"
        " WHERE type = 'scheduler.allocation.renewed' LIMIT 1",
        id="a renewal that was told but is not there",
    ),
    # Reservations
    pytest.param(
        "I1",
        {"lent into a reservation"},
        "UPDATE reservations SET (device_id, starts_at) = ('phone-1', scheduler_clock() + interval '10 minutes')"
        f" WHERE id = '{PENDING}'; UPDATE devices SET next_reserved_at = NULL WHERE id = 'phone-2';"
        " UPDATE devices SET next_reserved_at = (SELECT starts_at FROM reservations WHERE status = 'pending')"
        " WHERE id = 'phone-1'",
        id="a device that is lent beyond its next reservation",
    ),
    pytest.param(
        "I1",
        {"device overlooks a reservation"},
        "UPDATE devices SET next_reserved_at = NULL WHERE id = 'phone-2'",
        id="a device that knows of no reservation",
    ),
    pytest.param(
        "I1",
        {"device overlooks a reservation", "device names no reservation"},
        "UPDATE devices SET next_reserved_at = next_reserved_at + interval '1 s' WHERE id = 'phone-2'",
        id="a device that knows a later reservation",
    ),
    pytest.param(
        "I1",
        {"device names no reservation"},
        "UPDATE devices SET next_reserved_at = next_reserved_at - interval '1 s' WHERE id = 'phone-2'",
        id="a device that stays free for nobody",
    ),
    pytest.param(
        "I1",
        {"executing without its allocation", "allocation without its reservation"},
        f"UPDATE reservations SET allocation_id = {RENEWED} WHERE id = '{EXECUTING}'",
        id="a reservation that executes another's allocation",
    ),
    pytest.param(
        "I1",
        {"executing without its allocation"},
        f"UPDATE reservations SET user_id = 'ruth' WHERE id = '{EXECUTING}';"
        f" UPDATE outbox SET group_id = 'acme|ruth' WHERE subject = '{EXECUTING}'",
        id="a reservation that was executed for somebody else",
    ),
    pytest.param(
        "I1",
        {"allocation without its reservation"},
        f"UPDATE reservations SET status = 'completed' WHERE id = '{EXECUTING}'",
        id="a reservation that is completed before its allocation ended",
    ),
    pytest.param(
        "I8",
        {"reservation waits"},
        f"UPDATE reservations SET starts_at = scheduler_clock() - interval '91 s' WHERE id = '{PENDING}';"
        " UPDATE devices SET next_reserved_at = (SELECT starts_at FROM reservations WHERE status = 'pending')"
        " WHERE id = 'phone-2'",
        id="a reservation whose start was missed",
    ),
    *[
        pytest.param(
            "I3", {"reservation without its events"}, _DELETE_EVENT.format(f"reservation.{told}", which), id=name
        )
        for told, which, name in (
            ("created", PENDING, "a reservation whose making is told to nobody"),
            ("executed", EXECUTING, "an execution that is told to nobody"),
            ("cancelled", CANCELLED, "a cancellation that is told to nobody"),
            ("expired", EXPIRED, "an expiry that is told to nobody"),
            ("failed", FAILED, "a failure that is told to nobody"),
        )
    ],
    pytest.param(
        "I3",
        {"reservation without its events"},
        _COPY_EVENT.format("reservation.cancelled", PENDING),
        id="a cancellation that was told but did not happen",
    ),
    pytest.param(
        "I3",
        {"reservation without its events"},
        _COPY_EVENT.format("reservation.executed", FAILED),
        id="an execution that was told but did not happen",
    ),
    pytest.param(
        "I3",
        {"event without its reservation"},
        f"DELETE FROM reservations WHERE id = '{CANCELLED}'",
        id="events of a reservation that is not there",
    ),
    pytest.param(
        "I3",
        {"reservation without its events", "event without its reservation"},
        f"UPDATE outbox SET tenant_id = 'globex' WHERE subject = '{FAILED}'",
        id="a reservation's events that went to another tenant",
    ),
    # The queue
    pytest.param(
        "I9",
        {"wait overdue"},
        f"UPDATE queue_entries SET expires_at = scheduler_clock() - interval '91 s' WHERE id = '{WAITING}'",
        id="a wait that is over and goes on",
    ),
    pytest.param(
        "I9", {"waiter passed over"}, f"{_UNHELD}; {_LONG_AGO}; {_WANTS_ANY}", id="a free device and a waiter"
    ),
    pytest.param(
        "I9",
        {"device held for nobody"},
        f"UPDATE devices SET held_for = '{GONE}' WHERE id = 'phone-4'",
        id="a device that is held for one who is gone",
    ),
    pytest.param(
        "I9",
        {"fulfilled without its allocation"},
        f"UPDATE queue_entries SET allocation_id = {EXECUTED} WHERE id = '{FULFILLED}'",
        id="a wait that ended with another's allocation",
    ),
    pytest.param(
        "I9",
        {"fulfilled without its allocation"},
        f"UPDATE queue_entries SET joined_at = joined_at + interval '2 minutes',"
        f" ended_at = ended_at + interval '2 minutes' WHERE id = '{FULFILLED}'",
        id="a wait that ended with an earlier allocation",
    ),
    *[
        pytest.param("I3", {"queue entry without its events"}, _DELETE_EVENT.format(f"queue.{told}", which), id=name)
        for told, which, name in (
            ("joined", WAITING, "a join that is told to nobody"),
            ("fulfilled", FULFILLED, "a fulfilled wait that is told to nobody"),
            ("cancelled", GONE, "a cancelled wait that is told to nobody"),
            ("expired", LATE, "an expired wait that is told to nobody"),
        )
    ],
    pytest.param(
        "I3",
        {"queue entry without its events"},
        _COPY_EVENT.format("queue.fulfilled", FULFILLED),
        id="a waiter who was served twice",
    ),
    pytest.param(
        "I3",
        {"queue entry without its events"},
        _COPY_EVENT.format("queue.fulfilled", LATE),
        id="a waiter who was gone and is told of a device",
    ),
    pytest.param(
        "I3",
        {"event without its queue entry"},
        f"DELETE FROM queue_entries WHERE id = '{GONE}'",
        id="events of an entry that is not there",
    ),
]


@pytest.fixture
def promised(api: Api, database: Database) -> Database:
    """Phone 1 was renewed twice and fulfils a wait, phone 2 is booked, 3 executes a reservation, 4 is held."""
    for number in range(1, 5):
        api.add_devices(1, id=f"phone-{number}")
    _lend(api, "phone-1", "bob")
    _lend(api, "phone-3", "rita")
    database.call(_RENEWALS + _RESERVATIONS + _QUEUE, {})
    database.call("UPDATE outbox SET published_at = scheduler_clock() + id * interval '1 us'", {})
    return database


@pytest.mark.parametrize(("invariant", "checks", "statement"), PLANTED)
def test_a_broken_row_is_seen_as_what_it_breaks_and_nothing_else(
    promised: Database, invariant: str, checks: set[str], statement: str
) -> None:
    assert _found(promised) == {}

    promised.call(statement, {})

    found = _found(promised, rows=2)
    assert set(found) == checks
    assert {finding.invariant for finding in found.values()} == {Invariant(invariant)}
    assert all(finding.rows for finding in found.values())


@pytest.mark.parametrize(
    "excuse",
    [
        pytest.param("SELECT 1", id="the device is free for less than the period and 30 seconds"),
        pytest.param(
            f"{_LONG_AGO}; UPDATE queue_entries SET joined_at = scheduler_clock() - interval '80 s'",
            id="she waits for less than that",
        ),
        pytest.param(
            f"{_LONG_AGO}; UPDATE queue_entries SET terms.refusal = 'Quota exceeded'", id="her quota forbids it"
        ),
        pytest.param(
            f"{_LONG_AGO}; INSERT INTO device_allocations (device_id, user_id, tenant_id, status, released_at,"
            " created_at, allocated_at) SELECT 'gone', 'will', 'acme', 'released', scheduler_clock(), at, at"
            " FROM (SELECT scheduler_clock() - interval '40 days' AS at) t",
            id="she has given back a device just now",
        ),
    ],
)
def test_a_waiter_who_could_not_have_the_device_until_now_is_not_passed_over(promised: Database, excuse: str) -> None:
    promised.call(f"{_UNHELD}; {_WANTS_ANY}; {excuse}", {})

    assert "waiter passed over" not in _found(promised)


def test_an_allocation_of_a_reservation_that_ended_leaves_none_executing(promised: Database) -> None:
    promised.call(f"UPDATE device_allocations {_ENDED_NOW}", {})

    assert "executing without its allocation" in _found(promised)


def _lend(api: Api, device_id: str, user: str) -> None:
    """Lend this device and no other."""
    for status in ("stopped", "running"):
        for number in range(1, 5):
            if f"phone-{number}" != device_id:
                api.call("PATCH", f"/scheduler/devices/phone-{number}", OPERATOR, {"status": status})
        if status == "stopped":
            assert api.allocate(userId=user).data["deviceId"] == device_id


def _found(database: Database, *, rows: int = 10_000) -> dict[str, Finding]:
    return everything_found(PostgresAudit(database, 1), rows)
