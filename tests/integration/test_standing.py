"""What events say of users decides who holds what: suspensions, debts, and limits that are lowered."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.postgres.standing import PostgresStanding
from scheduler.domain.errors import QuotaExceeded, Unavailable
from scheduler.domain.model import User
from scheduler.domain.quota import QuotaDocument
from scheduler.service import standing as standing_module
from scheduler.service.allocator import Allocator
from tests.support.api import SERVICE, Api
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, redis_gate, request
from tests.support.fake_meter import FakeMeter
from tests.support.incoming import NOON, about
from tests.support.ledger import assert_ledger_agrees
from tests.support.standing import standing_on
from tools.embedded import ValkeyServer

ALICE, BOB = User("acme", "alice"), User("acme", "bob")
LATER = NOON + timedelta(minutes=1)
EARLIER = NOON - timedelta(minutes=1)


def lend(database: Database, user_id: str = "alice", count: int = 1) -> list[str]:
    """Lend devices to a user; give the allocations' ids, the oldest first."""
    return [allocator_on(database).allocate(request(user_id)).id for _ in range(count)]


def held(database: Database, user_id: str = "alice") -> list[str]:
    rows = database.rows(
        "SELECT id::text FROM device_allocations WHERE user_id = %(user)s AND status = 'allocated'"
        " ORDER BY allocated_at, id",
        {"user": user_id},
    )
    return [row["id"] for row in rows]


@dataclass
class Kept:
    """A quota document that was read before the event."""

    kept: QuotaDocument

    def document(self, user: User) -> QuotaDocument:
        return self.kept


def refusal(database: Database, user_id: str = "alice") -> str | None:
    """Why a user is lent nothing, or None; what she is lent is given back."""
    try:
        granted = lend(database, user_id)
    except QuotaExceeded as refused:
        return refused.detail
    database.rows("SELECT * FROM end_allocations(%(ids)s::uuid[], 'released')", {"ids": granted})
    return None


def test_revocations_are_counted_under_the_name_that_operators_have(database: Database) -> None:
    add_devices(database, 2)
    lend(database, count=2)
    meter = FakeMeter()
    store = PostgresStanding(database, keeps_quotas=True)

    standing_module.Standing(store, OpenGate(), NoCache(), meter).apply(about(ALICE, "user.suspended"))

    assert meter.counted == {"AllocationRevoked": 2}


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (["user.suspended"], "User is suspended"),
        (["user.deleted"], "User is deleted"),
        (["billing.overdue"], "A payment is overdue"),
        (["billing.payment_failed"] * 3, "Payments failed three times"),
        (["user.suspended", "user.deleted", "billing.overdue"], "User is deleted"),
        (["billing.overdue", "user.suspended"], "User is suspended"),
    ],
)
def test_who_is_blocked_loses_all_and_is_told_the_true_reason(
    database: Database, kinds: list[str], reason: str
) -> None:
    add_devices(database, 4)
    lend(database, count=3)
    lend(database, "bob")

    for kind in kinds:
        standing_on(database).apply(about(ALICE, kind))

    assert held(database) == []
    assert len(held(database, "bob")) == 1
    assert refusal(database) == reason
    ended = database.rows("SELECT DISTINCT status, end_reason FROM device_allocations WHERE user_id = 'alice'", {})
    assert [row["status"] for row in ended] == ["revoked"]
    assert_ledger_agrees(database)


def test_the_holder_is_told_why_each_allocation_was_revoked(database: Database) -> None:
    add_devices(database, 1)
    lend(database)

    standing_on(database).apply(about(ALICE, "billing.overdue"))

    (told,) = database.rows("SELECT data FROM outbox WHERE type = 'scheduler.allocation.revoked'", {})
    assert told["data"]["reason"] == "A payment is overdue"


def blocks(database: Database) -> list[str]:
    """Give the reasons of the blocks that were told, in their order."""
    rows = database.rows("SELECT data FROM outbox WHERE type = 'scheduler.user.blocked' ORDER BY id", {})
    return [row["data"]["reason"] for row in rows]


def test_a_block_is_one_event_whatever_is_held(database: Database) -> None:
    add_devices(database, 3)
    lend(database, count=3)
    event = about(ALICE, "billing.overdue")

    for _ in range(2):
        standing_on(database).apply(event)
    standing_on(database).apply(about(ALICE, "billing.overdue", LATER))
    standing_on(database).apply(about(BOB, "billing.overdue"))

    told = database.rows("SELECT * FROM outbox WHERE type = 'scheduler.user.blocked' ORDER BY id", {})
    assert [(row["subject"], row["group_id"], row["tenant_id"]) for row in told] == [
        ("alice", "acme|alice", "acme"),
        ("bob", "acme|bob", "acme"),
    ]
    assert set(told[0]["data"]) == {"userId", "tenantId", "reason", "blockedAt"}


def test_a_block_is_told_again_only_when_another_reason_stands(database: Database) -> None:
    standing = standing_on(database)
    for kind, at in (
        ("billing.overdue", NOON),
        ("user.suspended", NOON),
        ("user.activated", LATER),
        ("billing.payment_success", LATER),
        ("billing.overdue", NOON),
        ("billing.overdue", LATER + timedelta(minutes=1)),
    ):
        standing.apply(about(ALICE, kind, at))

    overdue = "A payment is overdue"
    assert blocks(database) == [overdue, "User is suspended", overdue, overdue]


def test_a_block_that_is_rolled_back_is_not_told(database: Database, database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as dying:
        dying.cursor().execute("SELECT note_standing('e', now(), 'acme', 'alice', 'overdue')")
    # Hung up without a commit.

    assert blocks(database) == []


@pytest.mark.parametrize("times", [1, 2])
def test_two_failed_payments_are_none_too_many_however_often_they_come(database: Database, times: int) -> None:
    add_devices(database, 1)
    first, second = (about(ALICE, "billing.payment_failed") for _ in range(2))

    for event in [first, second, first, second, first] * times:
        standing_on(database).apply(event)

    assert refusal(database) is None


def test_a_failed_payment_counts_once_even_when_its_mark_is_long_gone(database: Database) -> None:
    event = about(ALICE, "billing.payment_failed")

    for _ in range(3):
        standing_on(database).apply(event)
        database.call("DELETE FROM inbox", {})  # as the cleanup does after a week

    assert database.call("SELECT count(*) FROM payment_failures", {}) == 1
    assert database.call("SELECT blocked FROM quota_usage", {}) is False


def test_a_payment_settles_debts_and_failures_before_it_only(database: Database) -> None:
    add_devices(database, 1)
    standing = standing_on(database)
    for kind in ["billing.overdue", *["billing.payment_failed"] * 3]:
        standing.apply(about(ALICE, kind))

    standing.apply(about(ALICE, "billing.payment_success", EARLIER))
    assert refusal(database) == "A payment is overdue"
    standing.apply(about(ALICE, "billing.payment_success", LATER))
    assert refusal(database) is None
    for _ in range(3):
        standing.apply(about(ALICE, "billing.payment_failed"))  # from before the payment, late
    assert refusal(database) is None


def test_a_user_stays_blocked_while_any_reason_stands(database: Database) -> None:
    add_devices(database, 1)
    standing = standing_on(database)
    standing.apply(about(ALICE, "user.suspended"))
    standing.apply(about(ALICE, "billing.overdue"))

    standing.apply(about(ALICE, "billing.payment_success", LATER))
    assert refusal(database) == "User is suspended"
    standing.apply(about(ALICE, "user.activated", LATER))
    assert refusal(database) is None


def test_a_suspension_older_than_the_activation_changes_nothing(database: Database) -> None:
    add_devices(database, 1)
    allocations = lend(database)
    standing_on(database).apply(about(ALICE, "user.activated", LATER))

    standing_on(database).apply(about(ALICE, "user.suspended"))

    assert held(database) == allocations


def test_a_user_is_suspended_in_her_own_tenant_only(database: Database) -> None:
    add_devices(database, 1)
    allocations = lend(database)

    standing_on(database).apply(about(User("globex", "alice"), "user.suspended"))

    assert held(database) == allocations


def test_who_is_blocked_waits_no_more_and_cannot_queue(api: Api, database: Database) -> None:
    api.add_devices(1)
    api.allocate(userId="bob")
    entry = api.post("/scheduler/queue", SERVICE, {"userId": "alice"}).data["id"]

    standing_on(database).apply(about(ALICE, "billing.overdue"))

    assert api.get(f"/scheduler/queue/{entry}", SERVICE).data["status"] == "cancelled"
    assert api.post("/scheduler/queue", SERVICE, {"userId": "alice"}).code == "quota_exceeded"
    assert_ledger_agrees(database)


@pytest.mark.parametrize(("kind", "status"), [("user.deleted", "cancelled"), ("user.suspended", "pending")])
def test_only_who_is_deleted_loses_her_reservations(api: Api, database: Database, kind: str, status: str) -> None:
    api.add_devices(2)
    starts = [(datetime.now(UTC) + timedelta(hours=n)).isoformat() for n in (1, 3, 5)]
    for user, start in (("alice", starts[0]), ("alice", starts[1]), ("bob", starts[2])):
        body = {"userId": user, "startTime": start, "durationMinutes": 30}
        assert api.post("/scheduler/reservations", SERVICE, body).status == 201

    standing_on(database).apply(about(ALICE, kind))

    rows = database.rows("SELECT user_id, status FROM reservations ORDER BY starts_at", {})
    assert [(row["user_id"], row["status"]) for row in rows] == [
        ("alice", status),
        ("alice", status),
        ("bob", "pending"),
    ]
    assert_ledger_agrees(database)


def test_more_than_one_delivery_may_end_is_ended_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_devices(database, 5)
    lend(database, count=5)
    monkeypatch.setattr(standing_module, "BATCH", 1)
    monkeypatch.setattr(standing_module, "MAX_BATCHES", 3)
    event = about(ALICE, "user.suspended")

    with pytest.raises(Unavailable):
        standing_on(database).apply(event)
    assert len(held(database)) == 2
    standing_on(database).apply(event)

    assert held(database) == []


def test_one_that_died_after_the_block_is_finished_by_its_redelivery(database: Database) -> None:
    add_devices(database, 2)
    lend(database, count=2)
    event = about(ALICE, "user.suspended")
    standing_on(database)._store.note(event)
    assert len(held(database)) == 2

    standing_on(database).apply(event)

    assert held(database) == []


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"maxDevices": 2}, 2),
        ({"maxConcurrentDevices": 1}, 1),
        ({"maxDevices": 0}, 0),
        ({"totalCpuCores": 11}, 2),
        ({"totalMemoryGB": 4}, 1),
        ({"totalStorageGB": 3 * 64}, 3),
        ({"maxDevices": 3, "totalCpuCores": 8}, 2),
        ({"maxDevices": 4}, 4),
        ({"maxDevices": -1}, 4),
        ({}, 4),
    ],
)
def test_what_exceeds_lowered_limits_ends_the_oldest_first(
    database: Database, limits: dict[str, int], left: int
) -> None:
    add_devices(database, 5)
    allocations = lend(database, count=4)  # 4 cores, 4 GB and 64 GB each

    standing_on(database).change_limits(about(ALICE, "user.quota_updated", limits=limits))

    assert held(database) == allocations[len(allocations) - left :]
    assert_ledger_agrees(database)


def test_what_was_ended_for_a_lower_quota_says_so(database: Database) -> None:
    add_devices(database, 1)
    lend(database)

    standing_on(database).change_limits(about(ALICE, "user.quota_updated", limits={"maxDevices": 0}))

    (ended,) = database.rows("SELECT status, end_reason FROM device_allocations", {})
    assert (ended["status"], ended["end_reason"]) == ("revoked", "The quota was lowered")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"maxDevices": 1}, "Device quota exceeded. Max: 1, Current: 1"),
        ({"totalCpuCores": 4}, "CPU quota exceeded. Max: 4 cores, Current: 4"),
        (
            {"maxMemoryMBPerDevice": 2048},
            "Quota exceeded. No device that fits the request is within what the quota leaves: 2048 MB memory",
        ),
    ],
)
def test_a_claim_with_an_older_document_obeys_the_lowered_limits(
    database: Database, clock: Clock, limits: dict[str, int], told: str
) -> None:
    add_devices(database, 5)
    lend(database)
    old = BuiltInQuotas(database, "pro").document(ALICE)
    standing_on(database).change_limits(about(ALICE, "user.quota_updated", limits=limits))

    allocator = Allocator(PostgresAllocations(database), Kept(old), OpenGate(), FakeMeter())
    with pytest.raises(QuotaExceeded) as refused:
        allocator.allocate(request("alice"))
    assert refused.value.detail == told

    clock.advance(seconds=71)  # no document is kept for so long
    assert allocator.allocate(request("alice")).device_id


def test_remaining_devices_are_told_by_the_lowered_limits(database: Database) -> None:
    add_devices(database, 3)
    old = BuiltInQuotas(database, "pro").document(ALICE)
    standing_on(database).change_limits(about(ALICE, "user.quota_updated", limits={"maxDevices": 2}))

    allocator = Allocator(PostgresAllocations(database), Kept(old), OpenGate(), FakeMeter())
    allocator.allocate(request("alice"))

    (granted,) = database.rows("SELECT data FROM outbox WHERE type = 'device.allocated'", {})
    assert granted["data"]["remainingDevices"] == 1


def test_built_in_quotas_keep_the_limits_an_event_told(database: Database) -> None:
    quotas = BuiltInQuotas(database, "pro")
    standing_on(database).change_limits(
        about(ALICE, "user.quota_updated", limits={"maxDevices": 1, "maxConcurrentDevices": 1, "totalCpuCores": -1})
    )

    mine, others = quotas.document(ALICE), quotas.document(User("acme", "bob"))

    assert (mine.plan_name, mine.limits.devices, mine.limits.cpu_cores) == ("pro", 1, None)
    assert mine.limits.memory_mb == others.limits.memory_mb
    assert others.limits.devices == 10


def test_older_limits_that_come_late_change_nothing(database: Database) -> None:
    add_devices(database, 3)
    allocations = lend(database, count=3)
    standing_on(database).change_limits(about(ALICE, "user.quota_updated", LATER, limits={"maxDevices": 5}))

    standing_on(database).change_limits(about(ALICE, "user.quota_updated", limits={"maxDevices": 1}))

    assert held(database) == allocations
    assert BuiltInQuotas(database, "pro").document(ALICE).limits.devices == 5


def test_older_limits_that_come_again_end_nothing_that_newer_ones_allow(database: Database) -> None:
    add_devices(database, 3)
    lower, higher = (
        about(ALICE, "user.quota_updated", at, limits={"maxDevices": most}) for at, most in ((NOON, 1), (LATER, 3))
    )
    standing_on(database).change_limits(lower)
    standing_on(database).change_limits(higher)
    allocations = lend(database, count=3)

    standing_on(database).change_limits(lower)

    assert held(database) == allocations


def test_lowered_limits_end_no_renewal(api: Api, database: Database) -> None:
    api.add_devices(2)
    allocation = api.allocate().data["allocationId"]
    standing_on(database).change_limits(about(ALICE, "user.quota_updated", limits={"maxDevices": 1}))

    assert api.renew(allocation, 5).status == 200


def test_the_kept_quota_document_is_dropped(database: Database, valkey_server: ValkeyServer, redis_url: str) -> None:
    add_devices(database, 2)
    gate = redis_gate(valkey_server.port)
    allocator_on(database, gate).allocate(request("alice"))
    with gate.admit_user(ALICE) as admission:
        assert admission.quota is not None

    standing_on(database, gate).change_limits(about(ALICE, "user.quota_updated", limits={"maxDevices": 1}))

    with gate.admit_user(ALICE) as admission:
        assert admission.quota is None
