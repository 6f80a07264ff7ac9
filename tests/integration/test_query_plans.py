"""Every lookup, claim and sweep reads its large tables by index, also with plans that were cached.

Measured by Postgres' own counters while the adapters run on a fleet that is large enough for the planner to care.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.audit.orders import ORDERS
from scheduler.adapters.postgres.audit.store import PostgresAudit
from scheduler.adapters.postgres.audit_log import PostgresAuditLog
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.device_reports import PostgresDeviceReports
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.explanations import PostgresExplanations
from scheduler.adapters.postgres.fleet import PostgresFleet
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.adapters.postgres.notifications import PostgresNotifications, PostgresWarnings
from scheduler.adapters.postgres.outbox import PostgresInbox, PostgresOutbox
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.quotas import BuiltInQuotas, PostgresQuotaChanges
from scheduler.adapters.postgres.reconciliations import PostgresReconciliations
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.adapters.postgres.usage_records import PostgresUsageRecords
from scheduler.adapters.postgres.webhook_deliveries import PostgresDeliveries
from scheduler.adapters.postgres.webhooks import PostgresWebhooks
from scheduler.domain.audit_log import AuditLogFilter, EntityKind
from scheduler.domain.billing import GroupBy, Period, UsageFilter
from scheduler.domain.device_life import TRANSITIONS, Act, DeviceFilter, Life
from scheduler.domain.incoming import DeviceHeartbeat, EventMark, Family, UserQuotaUpdated
from scheduler.domain.lessons import appraised
from scheduler.domain.model import (
    AllocationFilter,
    AllocationRequest,
    AllocationStatus,
    AvailableFilter,
    DeviceStatus,
    DeviceWants,
    Language,
    ReleaseRequest,
    RequestKey,
    User,
)
from scheduler.domain.notices import NotificationFilter, Preferences, notice_of
from scheduler.domain.placement_model import PlacementModel
from scheduler.domain.plans import QuotaChange, plan_document
from scheduler.domain.queue import EntryStatus, QueueFilter, QueueRequest, Tier
from scheduler.domain.quota import NO_LIMITS
from scheduler.domain.reconciliation import Reconciliation, Walk
from scheduler.domain.renewal import RenewalRequest, renewal_terms
from scheduler.domain.reservation import Booking, ReservationFilter, ReservationStatus, Window, WindowCheck
from scheduler.domain.webhooks import Reply, WebhookFilter, WebhookRequest
from tests.conftest import TEMPLATE
from tests.support.incoming import about
from tests.support.plan_rows import SCALES, SMALL, fill, kept_database
from tests.support.roles import WORKER
from tests.support.standing import standing_on
from tools.embedded import PostgresServer, as_role
from tools.population.size import HISTORY_DAYS

LARGE = (
    "devices",
    "device_heartbeats",
    "device_allocations",
    "allocation_renewals",
    "usage_records",
    "quota_usage",
    "outbox",
    "inbox",
    "idempotency_keys",
    "quotas",
    "reservations",
    "queue_entries",
    "webhooks",
    "webhook_deliveries",
    "user_standing",
    "payment_failures",
    "notifications",
    "notification_preferences",
    "audit_log",
)
SCALE = SCALES[os.environ.get("PLANS_SCALE", SMALL.name)]
CALLS = 7
"""More than the five after which Postgres may keep a generic plan."""
MOST_ROWS = 1_000
"""A page of each status and their devices, some rows to lock and check; never in proportion to the tables."""
SEARCHED_ROWS = 200
"""Devices of each kind in which a window is searched for."""
AUDITED_ROWS = 40
NEWEST = datetime.now(UTC) - timedelta(hours=3)
"""When the newest hold of the history began."""
SOME_ID = "00000000-0000-4000-8000-000000000000"
ALICE = User("tenant-1", "user-1")
QUOTA = QuotaChange(User("tenant-x", "user-1"), "free", "active", None, {"maxDevices": 2})


@dataclass(frozen=True)
class Stores:
    """The adapters under test, on one connection."""

    database: Database
    allocations: PostgresAllocations
    devices: PostgresDevices
    outbox: PostgresOutbox
    inbox: PostgresInbox
    quotas: BuiltInQuotas
    upkeep: PostgresUpkeep
    audit: PostgresAudit


@pytest.fixture(scope="module")
def large_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database that is large enough for its planner to care; as large as can be for `make plans`."""
    if SCALE is not SMALL:
        with kept_database(SCALE) as url:
            yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"large_{uuid.uuid4().hex}"
    url = server.create_database(name, TEMPLATE)
    fill(url, SCALE)
    yield url
    server.drop_database(name)


@pytest.fixture
def stores(large_url: str) -> Iterator[Stores]:
    """Adapters on a fresh connection (plans are cached by connection), behind the wall between tenants.

    As the worker, who may call them all: what the wall asks of a row is the same for the app, and must not keep a
    condition from its index.
    """
    with closing(Database(lambda: as_role(large_url, WORKER))) as own:
        yield Stores(
            own,
            PostgresAllocations(own),
            PostgresDevices(own),
            PostgresOutbox(own),
            PostgresInbox(own),
            BuiltInQuotas(own, "pro"),
            PostgresUpkeep(own),
            PostgresAudit(own, 1),
        )


def device(number: int) -> str:
    """Name a device by its place among 5,000, however many there are."""
    return f"device-{number * SCALE.population.devices // 5_000:07}"


def ago(rows: int) -> datetime:
    """Tell since when so many holds of the history have begun."""
    return NEWEST - timedelta(days=HISTORY_DAYS) * rows / SCALE.population.ended


def listing(**wanted: Any) -> Callable[[Stores], object]:
    """List allocations by a filter."""
    return lambda stores: stores.allocations.page(AllocationFilter(**{"tenant_id": "tenant-1"} | wanted))


def available(tenant: str | None, **wanted: Any) -> Callable[[Stores], object]:
    """List available devices by a filter."""
    return lambda stores: stores.devices.available(AvailableFilter(tenant, **wanted))


def fleet(use: Callable[[PostgresFleet], object]) -> Callable[[Stores], object]:
    """Ask the fleet."""
    return lambda stores: use(PostgresFleet(stores.database))


def fleet_list(**wanted: Any) -> Callable[[Stores], object]:
    """List devices by a filter."""
    return fleet(lambda devices: devices.page(DeviceFilter(**wanted)))


def drain_and_restore(stores: Stores) -> None:
    """Lead a device out of service and back, under keys."""
    for act in (Act.DRAIN, Act.RESTORE):
        key = RequestKey("tenant-1", "operator:o", "POST /r", uuid.uuid4().hex, "")
        assert PostgresFleet(stores.database).change(device(4700), TRANSITIONS[act], "", key)["outcome"] == "changed"


def report_load(stores: Stores) -> None:
    """Note a heartbeat that changes nothing for claims."""
    at = datetime.now(UTC)
    event = DeviceHeartbeat(EventMark("e", Family.HEARTBEAT, device(42), at), device(42), 20, 30, 40, at)
    assert PostgresDeviceReports(stores.database).note_heartbeat(event)["outcome"] == "noted"


def claim(**wants: Any) -> Callable[[Stores], object]:
    """Claim a device, with everything that a refusal asks too."""

    def ask(stores: Stores) -> None:
        request = AllocationRequest(ALICE, 60, DeviceWants(**wants))
        facts = stores.allocations.claim(request, NO_LIMITS, last_attempt=False)
        if facts["outcome"] != "granted":
            stores.allocations.reap(request)
            stores.allocations.claim(request, NO_LIMITS, last_attempt=True)

    return ask


def claim_and_release(stores: Stores) -> None:
    """A whole life of an allocation, under keys."""
    key = RequestKey("tenant-1", "user:user-1", "POST /r", uuid.uuid4().hex, "")
    facts = stores.allocations.claim(AllocationRequest(ALICE, 60, key=key), NO_LIMITS, last_attempt=False)
    stores.allocations.release(ReleaseRequest("tenant-1", None, facts["deviceId"], key=key))
    stores.allocations.release(ReleaseRequest("tenant-1", None, facts["deviceId"], facts["allocationId"]))


def claim_what_is_lent(stores: Stores) -> None:
    """Be refused a device of a class of which none is free, and be told the alternatives."""
    claim(device_type="android-12", min_memory_mb=16384)(stores)


def renew(stores: Stores) -> None:
    """Renew a fresh allocation, after a look ahead."""
    renewals, terms = PostgresRenewals(stores.database), renewal_terms(plan_document("enterprise"))
    facts = stores.allocations.claim(AllocationRequest(ALICE, 60), NO_LIMITS, last_attempt=False)
    allocation = facts["allocationId"]
    key = RequestKey("tenant-1", "user:user-1", "POST /r", uuid.uuid4().hex, "")
    assert renewals.owner(allocation, "tenant-1") == ALICE
    assert renewals.renew(RenewalRequest("tenant-1", None, allocation, 30, key=key), terms)["outcome"] == "renewed"
    assert renewals.outlook(allocation, "tenant-1", "user-1", terms)
    stores.allocations.release(ReleaseRequest("tenant-1", None, facts["deviceId"]))


def reserved(**wanted: Any) -> Callable[[Stores], object]:
    """List reservations by a filter."""
    wish = ReservationFilter(**{"tenant_id": "tenant-1"} | wanted)
    return lambda stores: PostgresReservations(stores.database).page(wish)


def keep(use: Callable[[PostgresReservationCalendar], object]) -> Callable[[Stores], object]:
    """Ask the calendar."""
    return lambda stores: use(PostgresReservationCalendar(stores.database))


def check_window(**wants: Any) -> Callable[[Stores], object]:
    """Ask whether a window can be had."""
    start = datetime.now(UTC) + timedelta(days=2)
    asked = WindowCheck(
        "tenant-1", "tenant-1", "user-1", Window(start, start + timedelta(hours=1)), DeviceWants(**wants)
    )
    return lambda stores: PostgresReservations(stores.database).check(asked)


def reserve_and_cancel(stores: Stores) -> None:
    """Book, change, cancel, note a sign of the owner."""
    store = PostgresReservations(stores.database)
    start = datetime.now(UTC) + timedelta(days=3)
    (booked,) = store.book(Booking(ALICE, (start,), 60), NO_LIMITS)["reservations"]
    found = store.find(booked["reservationId"], "tenant-1", "user-1")
    assert found
    later = (start + timedelta(hours=2)).isoformat()
    assert store.change(found, {"starts_at": later}, NO_LIMITS)["outcome"] == "changed"
    assert store.cancel(found.id, "tenant-1", "user-1", None)["outcome"] == "cancelled"
    store.attend(ALICE)


def queued(**wanted: Any) -> Callable[[Stores], object]:
    """List waits by a filter."""
    wish = QueueFilter(**{"tenant_id": "tenant-1"} | wanted)
    return lambda stores: PostgresQueue(stores.database).page(wish)


def quota(use: Callable[[PostgresQuotaChanges], object]) -> Callable[[Stores], object]:
    """Ask what is kept of quotas."""
    return lambda stores: use(PostgresQuotaChanges(stores.database, "pro"))


def line(use: Callable[[PostgresQueue], object]) -> Callable[[Stores], object]:
    """Ask the line."""
    return lambda stores: use(PostgresQueue(stores.database))


def wait_and_be_served(stores: Stores) -> None:
    """Join and leave; join again, have the quota read again, be served, and give the device back."""
    queue, wish = PostgresQueue(stores.database), QueueRequest(ALICE, 30, 30)
    gone = queue.join(wish, NO_LIMITS, Tier.PRO, 0)
    assert queue.cancel(gone["entryId"], "tenant-1", "user-1", None)["outcome"] == "cancelled"
    entry = queue.join(wish, NO_LIMITS, Tier.PRO, 0)
    assert queue.find(entry["entryId"], "tenant-1", None)
    queue.refresh(entry["entryId"], NO_LIMITS)
    others = [row["id"] for row in stores.database.rows(OTHER_WAITERS, {"id": entry["entryId"]})]
    served = queue.serve_next(others, 50)
    assert served["outcome"] == "granted"
    stores.allocations.release(ReleaseRequest("tenant-1", None, served["deviceId"]))


def hooks(use: Callable[[PostgresWebhooks], object]) -> Callable[[Stores], object]:
    """Ask for webhooks."""
    return lambda stores: use(PostgresWebhooks(stores.database))


def deliver(stores: Stores) -> None:
    """Keep an event for a tenant's webhooks and send it to some: well, badly, and to one that is gone."""
    deliveries, tenant = PostgresDeliveries(stores.database), uuid.uuid4().hex
    for _ in range(3):
        PostgresWebhooks(stores.database).add(WebhookRequest(tenant, "https://h.example/", ["*"]), "whsec_AAAA")
    assert deliveries.spread(tenant, str(uuid.uuid4()), "device.released", "{}")["kept"] == 3
    for delivery, status in zip(deliveries.claim(3, 30), (200, 500, 410), strict=True):
        assert deliveries.settle(delivery, Reply(status), 5)["outcome"] != "late"


def register_webhook(stores: Stores) -> None:
    """Register a webhook, ping, enable and remove it."""
    webhooks = PostgresWebhooks(stores.database)
    made = webhooks.add(WebhookRequest("tenant-y", "https://h.example/", ["*"]), "whsec_AAAA")["webhookId"]
    assert webhooks.ping(made, "tenant-y", None)["outcome"] == "pinged"
    assert webhooks.enable(made, "tenant-y", None)["outcome"] == "webhook_enabled"
    assert webhooks.remove(made, "tenant-y")["outcome"] == "webhook_removed"


def some_allocation(explains: PostgresExplanations) -> str:
    """The newest active allocation."""
    found: str = explains._database.call(
        "SELECT id::text FROM device_allocations WHERE status = 'allocated' ORDER BY allocated_at DESC LIMIT 1", {}
    )
    return found


def rescore(stores: Stores) -> None:
    """Score a batch in the middle of the fleet."""
    stores.database.call(
        "UPDATE placement_rescoring SET after_id = %(id)s, started_at = scheduler_clock()", {"id": device(2500)}
    )
    assert not PostgresStrategy(stores.database).rescore(100)


def appraise(stores: Stores) -> None:
    stores.database.call("UPDATE placement_learning SET appraised_id = %(id)s", {"id": device(2500)})
    lessons = PostgresLessons(stores.database)
    lessons.publish(PlacementModel(), "lee")
    batch = lessons.next_appraisals(100)
    assert batch is not None
    kept = appraised(PlacementModel(), batch, Random(1))
    assert lessons.keep_appraisals(batch["after"], kept[-1]["device_id"], kept)


def notified(**wanted: Any) -> Callable[[Stores], object]:
    """List a user's notices by a filter."""
    wish = NotificationFilter(**{"user": ALICE, "unread": False, "after": None, "limit": 50} | wanted)
    return lambda stores: PostgresNotifications(stores.database).page(wish)


def acts(**wanted: Any) -> Callable[[Stores], object]:
    """List what operators did by a filter."""
    return lambda stores: PostgresAuditLog(stores.database).page(AuditLogFilter(**wanted))


def keep_and_read_a_notice(stores: Stores) -> None:
    """Keep the notice of a grant, tell it, find it again, read it; choose how to be told."""
    notifications = PostgresNotifications(stores.database)
    facts = stores.allocations.claim(AllocationRequest(ALICE, 60), NO_LIMITS, last_attempt=True)
    notice = notice_of({"id": uuid.uuid4().hex, "type": "device.allocated", "data": facts})
    kept = notifications.write(notice, Language.EN)
    assert kept
    notifications.mark_told(kept.id)
    assert notifications.read(kept.id, "tenant-1", None, None)["outcome"] == "read"
    assert notifications.find(kept.id, "tenant-1", "user-1")
    notifications.prefer(Preferences(ALICE, Language.ZH))
    assert notifications.preferences(ALICE)
    stores.allocations.release(ReleaseRequest("tenant-1", None, facts["deviceId"]))


def warn_of_ends(stores: Stores) -> None:
    """Let some ends come near, and warn of them."""
    stores.database.call(
        "UPDATE device_allocations SET expires_at = clock_timestamp() + interval '5 minutes', is_warned = false,"
        " allocated_at = clock_timestamp() - interval '1 hour' WHERE id IN (SELECT id FROM device_allocations"
        " WHERE status = 'allocated' AND device_id > 'device-0003000' ORDER BY device_id LIMIT 5)",
        {},
    )
    assert PostgresWarnings(stores.database).warn_expiring(100) == 5


def audited(walk: str) -> Callable[[Stores], object]:
    """Examine the second slice of a walk."""

    def examine(stores: Stores) -> None:
        newest = stores.audit.next_slice(walk, None, AUDITED_ROWS, None)
        assert list(stores.audit.examine(walk, stores.audit.next_slice(walk, newest.low, AUDITED_ROWS, None)))

    return examine


def told(kind: str, user_id: str, **data: Any) -> Callable[[Stores], object]:
    """Apply an event about a user, with all that follows."""

    def apply(stores: Stores) -> None:
        event = about(User("tenant-7", user_id), kind, **data)
        standing = standing_on(stores.database)
        (standing.change_limits if isinstance(event, UserQuotaUpdated) else standing.apply)(event)

    return apply


def overdue_then(use: Callable[[Stores], object]) -> Callable[[Stores], object]:
    """Make some allocations overdue first."""

    def run(stores: Stores) -> None:
        stores.database.call(
            "UPDATE device_allocations SET expires_at = clock_timestamp() WHERE id IN"
            " (SELECT id FROM device_allocations WHERE status = 'allocated' AND device_id > %(after)s"
            "  ORDER BY device_id LIMIT 5)",
            {"after": device(2000)},
        )
        use(stores)

    return run


def reported(tenant: str | None, group_by: GroupBy, after: tuple[str, str] | None = None) -> Callable[[Stores], object]:
    """Add up what some hundred allocations are billed."""
    period = Period(ago(400), NEWEST)
    wanted = UsageFilter(tenant, group_by, period, after)
    return lambda stores: PostgresUsageRecords(stores.database).page(wanted)


def reconciled(walk: Walk) -> Callable[[Stores], object]:
    """Hold some rows in the middle of a walk against the others."""
    border = (ago(300), SOME_ID)

    def examine(stores: Stores) -> None:
        run = Reconciliation(1, 0, datetime.now(UTC), walk, border)
        part = PostgresReconciliations(stores.database).examine(run, AUDITED_ROWS)
        assert part.examined == AUDITED_ROWS

    return examine


def tell_one(stores: Stores) -> None:
    """Look for what is to be told of an allocation, and mark it."""
    records = PostgresUsageRecords(stores.database)
    (newest,) = stores.database.rows(
        "SELECT allocation_id::text AS id FROM usage_records WHERE delivered_at IS NULL ORDER BY recorded_at LIMIT 1",
        {},
    )
    (record,) = records.untold(newest["id"])
    records.mark_told(record)


AFTER = (NEWEST - timedelta(days=1), SOME_ID)
SOON = (datetime.now(UTC) + timedelta(days=2), SOME_ID)

WISH = AllocationRequest(ALICE, 30, DeviceWants(min_cpu=8))
OTHER_WAITERS = "SELECT id::text FROM queue_entries WHERE status = 'waiting' AND id <> %(id)s::uuid LIMIT 10"

READS = [
    pytest.param(listing(), id="a tenant's allocations"),
    pytest.param(listing(after=AFTER), id="a tenant's allocations, a later page"),
    pytest.param(listing(status=AllocationStatus.ALLOCATED), id="a tenant's active allocations"),
    pytest.param(listing(status=AllocationStatus.EXPIRED, after=AFTER), id="a tenant's expired ones, a later page"),
    pytest.param(listing(since=NEWEST - timedelta(days=2), until=NEWEST), id="a tenant's allocations of some days"),
    pytest.param(listing(user_id="user-1"), id="a user's allocations"),
    pytest.param(listing(user_id="user-1", after=AFTER), id="a user's allocations, a later page"),
    pytest.param(listing(user_id="user-1", status=AllocationStatus.RELEASED), id="a user's released allocations"),
    pytest.param(listing(device_id=device(42)), id="a device's allocations"),
    pytest.param(listing(tenant_id=None, device_id=device(42)), id="a device's allocations, for an operator"),
    pytest.param(listing(tenant_id=None), id="all allocations"),
    pytest.param(listing(tenant_id=None, after=AFTER), id="all allocations, a later page"),
    pytest.param(listing(tenant_id=None, status=AllocationStatus.ALLOCATED), id="all active allocations"),
    pytest.param(listing(tenant_id=None, status=AllocationStatus.REVOKED), id="all revoked allocations: none"),
    pytest.param(listing(tenant_id=None, user_id="user-2"), id="a user's allocations, for an operator"),
    pytest.param(listing(tenant_id="nobody"), id="the allocations of a tenant without any"),
    pytest.param(lambda stores: stores.allocations.find(SOME_ID, "tenant-1", None), id="one allocation"),
    pytest.param(reserved(), id="a tenant's reservations"),
    pytest.param(reserved(after=SOON), id="a tenant's reservations, a later page"),
    pytest.param(reserved(status=ReservationStatus.PENDING), id="a tenant's pending reservations"),
    pytest.param(reserved(user_id="user-1", after=SOON), id="a user's reservations, a later page"),
    pytest.param(reserved(tenant_id=None, user_id="user-1"), id="a user's reservations, for an operator"),
    pytest.param(reserved(tenant_id=None, after=SOON), id="all reservations, a later page"),
    pytest.param(reserved(tenant_id=None, status=ReservationStatus.FAILED), id="all failed reservations: none"),
    pytest.param(check_window(min_cpu=64), id="a check of a window of a device that there is not"),
    pytest.param(keep(lambda calendar: calendar.to_execute(None)), id="reservations to begin"),
    pytest.param(keep(lambda calendar: calendar.to_expire()), id="reservations to expire"),
    pytest.param(keep(lambda calendar: calendar.in_danger(None)), id="reservations in danger"),
    pytest.param(keep(lambda calendar: calendar.unclaimed(10)), id="no-shows"),
    pytest.param(keep(lambda calendar: calendar.to_remind()), id="reminders"),
    pytest.param(queued(), id="a tenant's waits"),
    pytest.param(queued(after=AFTER), id="a tenant's waits, a later page"),
    pytest.param(queued(status=EntryStatus.WAITING), id="a tenant's waiters"),
    pytest.param(queued(user_id="user-1", after=AFTER), id="a user's waits, a later page"),
    pytest.param(queued(tenant_id=None, user_id="user-1"), id="a user's waits, for an operator"),
    pytest.param(queued(tenant_id=None, after=AFTER), id="all waits, a later page"),
    pytest.param(queued(tenant_id=None, status=EntryStatus.FULFILLED), id="all fulfilled waits"),
    pytest.param(line(lambda queue: queue.length()), id="the length of the line"),
    pytest.param(line(lambda queue: queue.figures(1)), id="figures of the queue"),
    pytest.param(line(lambda queue: queue.seconds_until_due()), id="what falls due next"),
    pytest.param(available("tenant-1"), id="a tenant's available devices"),
    pytest.param(available("tenant-1", after_id=device(4800)), id="available devices, a later page"),
    pytest.param(available("tenant-1", min_cpu=8, limit=5), id="available big devices"),
    pytest.param(available(None), id="all available devices"),
    pytest.param(fleet(lambda devices: devices.glances(device(4000), 50)), id="the fleet at a glance"),
    pytest.param(fleet_list(), id="devices"),
    pytest.param(fleet_list(after_id=device(4000)), id="devices, a later page"),
    pytest.param(fleet_list(device_type="android-12"), id="devices of a type"),
    pytest.param(fleet_list(device_type="fridge"), id="devices of an unknown type"),
    pytest.param(fleet_list(tenant_id="tenant-1", after_id=device(4000)), id="a tenant's own devices, a later page"),
    pytest.param(fleet_list(life=Life.QUARANTINED), id="quarantined devices"),
    pytest.param(fleet_list(life=Life.DELETED, device_type="android-12"), id="deleted devices of a type: none"),
    pytest.param(fleet_list(status=DeviceStatus.STOPPED), id="stopped devices"),
    pytest.param(fleet(lambda devices: devices.find(device(42))), id="one device"),
    pytest.param(fleet(lambda devices: devices.to_clear(100)), id="devices to clear"),
    pytest.param(lambda stores: stores.quotas.document(ALICE), id="a user's quota"),
    pytest.param(quota(lambda changes: changes.usage(ALICE)), id="what a user holds"),
    pytest.param(quota(lambda changes: changes.beyond_plan("pro", ALICE, 50)), id="who holds more than a plan allows"),
    pytest.param(lambda stores: stores.outbox.oldest(100), id="the oldest events"),
    pytest.param(lambda stores: stores.outbox.backlog(), id="how many events wait"),
    pytest.param(lambda stores: stores.inbox.has("usage", "event-7"), id="whether an event was applied"),
    pytest.param(hooks(lambda webhooks: webhooks.page(WebhookFilter("tenant-7"))), id="a tenant's webhooks"),
    pytest.param(hooks(lambda webhooks: webhooks.page(WebhookFilter(None))), id="all webhooks"),
    pytest.param(hooks(lambda webhooks: webhooks.page(WebhookFilter(None, SOON))), id="all webhooks, a later page"),
    pytest.param(hooks(lambda webhooks: webhooks.find(SOME_ID, "tenant-7")), id="one webhook"),
    pytest.param(hooks(lambda webhooks: webhooks.secret(SOME_ID)), id="the secret of one"),
    *(pytest.param(reported("tenant-1", by), id=f"a tenant's bill by {by}") for by in GroupBy),
    *(pytest.param(reported("tenant-1", by, ("tenant-1", "2")), id=f"a later page of it by {by}") for by in GroupBy),
    *(pytest.param(reported(None, by), id=f"all bills by {by}") for by in GroupBy),
    *(pytest.param(reconciled(walk), id=f"a slice of the reconciliation of {walk}") for walk in Walk),
    pytest.param(lambda stores: PostgresReconciliations(stores.database).untold(24), id="records not delivered"),
    pytest.param(notified(), id="a user's notices"),
    pytest.param(notified(after=AFTER), id="a user's notices, a later page"),
    pytest.param(notified(unread=True, after=AFTER), id="a user's unread notices, a later page"),
    pytest.param(lambda stores: PostgresNotifications(stores.database).count_unread(ALICE, 100), id="what is unread"),
    *(pytest.param(audited(walk), id=f"a slice of the audit of {walk}") for walk in ORDERS),
    pytest.param(lambda stores: PostgresLessons(stores.database).next(100), id="a lesson of ended allocations"),
    pytest.param(acts(), id="what operators did"),
    pytest.param(acts(after=AFTER), id="what operators did, a later page"),
    pytest.param(acts(since=AFTER[0]), id="what operators did since then"),
    pytest.param(acts(operator="operator-7"), id="what one operator did"),
    pytest.param(acts(entity_id=device(42), kind=EntityKind.DEVICE), id="what operators did to a device"),
]

CHANGES = [
    pytest.param(claim(min_cpu=8), id="a claim of a big device"),
    pytest.param(claim(min_cpu=64), id="a claim that no device serves"),
    pytest.param(claim(device_type="fridge"), id="a claim of an unknown type"),
    pytest.param(claim_and_release, id="claim and release under keys"),
    pytest.param(renew, id="a renewal and its look ahead"),
    pytest.param(reserve_and_cancel, id="a reservation, changed and cancelled"),
    pytest.param(keep(lambda calendar: calendar.clear_devices()), id="clearing reserved devices"),
    pytest.param(keep(lambda calendar: calendar.expire(SOME_ID)), id="expiring a reservation"),
    pytest.param(lambda stores: stores.upkeep.delete_past_reservations(30, 100), id="a cleanup of reservations"),
    pytest.param(wait_and_be_served, id="two waits, one cancelled and one served"),
    pytest.param(line(lambda queue: queue.serve_next([], 50)), id="a line that nobody can be served of"),
    pytest.param(line(lambda queue: queue.expire(100)), id="a sweep of waits"),
    pytest.param(line(lambda queue: queue.hold(15)), id="a look for devices to hold"),
    pytest.param(line(lambda queue: queue.drop_holds(100)), id="a look for holds to drop"),
    pytest.param(lambda stores: stores.allocations.expire_due(100), id="a sweep that finds nothing"),
    pytest.param(overdue_then(lambda stores: stores.allocations.expire_due(100)), id="a sweep"),
    pytest.param(overdue_then(claim(min_cpu=64)), id="a claim that reaps"),
    pytest.param(lambda stores: stores.devices.change(device(42), {"name": "n"}), id="a change of a device"),
    pytest.param(drain_and_restore, id="a device drained and restored"),
    pytest.param(report_load, id="a heartbeat"),
    pytest.param(fleet(lambda devices: devices.quarantine_unrecycled(100)), id="a look for devices that are not wiped"),
    pytest.param(lambda stores: stores.outbox.mark_published([1, 2, 3]), id="marking events"),
    pytest.param(lambda stores: stores.inbox.add("usage", uuid.uuid4().hex), id="marking an applied event"),
    pytest.param(told("user.suspended", "user-7"), id="a suspension"),
    pytest.param(told("user.deleted", "user-27"), id="a deletion"),
    pytest.param(told("billing.payment_failed", "user-47"), id="a failed payment"),
    pytest.param(told("user.quota_updated", "user-67", limits={"maxDevices": 1}), id="lowered limits"),
    pytest.param(quota(lambda changes: changes.put_quota(QUOTA)), id="a quota in place of another"),
    pytest.param(keep_and_read_a_notice, id="a notice, kept and read"),
    pytest.param(warn_of_ends, id="warnings of ends that are near"),
    pytest.param(lambda stores: PostgresWarnings(stores.database).warn_expiring(100), id="a look for ends, in vain"),
    pytest.param(lambda stores: stores.upkeep.delete_old_notices(90, 100), id="a cleanup of notices"),
    pytest.param(lambda stores: stores.upkeep.delete_acts(400, 100), id="a cleanup of operators' acts"),
    pytest.param(lambda stores: stores.allocations.delete_ended(30, 100), id="a cleanup of allocations"),
    pytest.param(lambda stores: stores.upkeep.delete_spent(100), id="a cleanup of the rest"),
    pytest.param(tell_one, id="telling a record"),
    pytest.param(
        lambda stores: stores.upkeep.delete_usage_records(400, 100, told_only=True), id="a cleanup of usage records"
    ),
    pytest.param(lambda stores: stores.outbox.acquire_lease("relay", 0), id="taking a lease"),
    pytest.param(deliver, id="an event for webhooks, sent"),
    pytest.param(lambda stores: PostgresDeliveries(stores.database).claim(16, 30), id="a look for what is due"),
    pytest.param(register_webhook, id="a life of a webhook"),
    pytest.param(rescore, id="a batch of scores"),
    pytest.param(appraise, id="a batch of appraisals"),
]


SEARCHES = [
    pytest.param(check_window(min_cpu=8), id="a check of a window for which many devices are free"),
    pytest.param(claim_what_is_lent, id="a claim that is told alternatives"),
]


@pytest.mark.parametrize("use", READS)
def test_a_look_up_reads_by_index(stores: Stores, large_url: str, use: Callable[[Stores], object]) -> None:
    reading = _reading(stores, large_url, use)

    assert reading.whole_scans == {}
    assert reading.rows_a_call <= MOST_ROWS


@pytest.mark.parametrize("use", CHANGES)
def test_a_change_reads_by_index(stores: Stores, large_url: str, use: Callable[[Stores], object]) -> None:
    reading = _reading(stores, large_url, use)

    assert reading.whole_scans == {}
    assert reading.rows_a_call <= MOST_ROWS


@pytest.mark.parametrize("use", SEARCHES)
def test_a_search_for_windows_reads_some_devices_of_each_kind(
    stores: Stores, large_url: str, use: Callable[[Stores], object]
) -> None:
    kinds = stores.database.call("SELECT count(*) FROM spec_classes", {})

    reading = _reading(stores, large_url, use)

    assert reading.whole_scans == {}
    assert reading.rows_a_call <= kinds * SEARCHED_ROWS


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda explains: explains.request(WISH, NO_LIMITS), id="a request"),
        pytest.param(lambda explains: explains.allocation(some_allocation(explains), None), id="an allocation"),
    ],
)
def test_an_explanation_reads_a_thousand_devices_of_each_kind(
    stores: Stores, large_url: str, use: Callable[[PostgresExplanations], object]
) -> None:
    kinds = stores.database.call("SELECT count(*) FROM spec_classes", {})

    reading = _reading(stores, large_url, lambda stores: use(PostgresExplanations(stores.database)))

    assert reading.whole_scans == {}
    assert reading.rows_a_call <= kinds * (MOST_ROWS + SEARCHED_ROWS)


def test_the_totals_count_devices_but_no_allocations(stores: Stores, large_url: str) -> None:
    reading = _reading(stores, large_url, lambda stores: stores.allocations.totals("tenant-1"))

    assert reading.whole_scans.keys() <= {"devices"}


def test_the_totals_of_reservations_count_reservations_and_nothing_else(stores: Stores, large_url: str) -> None:
    reading = _reading(stores, large_url, lambda stores: PostgresReservations(stores.database).totals("tenant-1"))

    assert reading.whole_scans.keys() <= {"reservations"}


def test_a_whole_scan_is_noticed(stores: Stores, large_url: str) -> None:
    def careless(stores: Stores) -> None:
        stores.database.call("SELECT count(*) FROM device_allocations WHERE metadata IS NOT NULL", {})

    assert _reading(stores, large_url, careless).whole_scans.keys() == {"device_allocations"}


def test_an_index_that_reads_too_much_is_noticed(stores: Stores, large_url: str) -> None:
    def careless(stores: Stores) -> None:
        stores.database.call("SELECT count(metadata) FROM device_allocations WHERE tenant_id = 'tenant-1'", {})

    assert _reading(stores, large_url, careless).rows_a_call > MOST_ROWS


def test_every_index_is_used(stores: Stores, large_url: str) -> None:
    for case in READS + CHANGES + SEARCHES:
        (use,) = case.values
        use(stores)

    with closing(Database(lambda: large_url)) as observer:
        _counters(stores, observer)
        unused = observer.rows(
            "SELECT indexrelname FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid)"
            " WHERE idx_scan = 0 AND NOT indisunique AND relname = ANY (%(large)s)",  # unique ones are rules
            {"large": list(LARGE)},
        )
    assert unused == []


@dataclass(frozen=True)
class Reading:
    """How the large tables were read: scans of whole tables by name, and rows fetched a call in all."""

    whole_scans: dict[str, int]
    rows_a_call: float


def _reading(stores: Stores, url: str, use: Callable[[Stores], object]) -> Reading:
    """Use the stores some times, and tell from Postgres' counters how it read."""
    with closing(Database(lambda: url)) as observer:
        before = _counters(stores, observer)
        for _ in range(CALLS):
            use(stores)
        after = _counters(stores, observer)
    scans = {table: after[table][0] - before[table][0] for table in LARGE}
    rows = sum(after[table][1] - before[table][1] for table in LARGE)
    return Reading({table: count for table, count in scans.items() if count}, rows / CALLS)


def _counters(stores: Stores, observer: Database) -> dict[str, tuple[int, int]]:
    """Read each table's count of whole scans and of rows fetched."""
    stores.database.call("SELECT pg_stat_force_next_flush()", {})
    stores.database.call("SELECT 1", {})  # the flush happens as it ends
    rows = observer.rows("SELECT relname, seq_scan, seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_user_tables", {})
    return {row["relname"]: (row["seq_scan"], row["rows"]) for row in rows}
