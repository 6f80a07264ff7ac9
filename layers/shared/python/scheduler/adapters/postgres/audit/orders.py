"""The orders in which rows are walked, each along an index, with the checks that it serves."""

from scheduler.adapters.postgres.audit import events, holds, keys, renewals, reservations, sessions, usage, waiters
from scheduler.adapters.postgres.audit.check import Order
from scheduler.domain.model import AllocationStatus

NOW = (
    sessions.ALLOCATION_OVERDUE,
    reservations.RESERVATION_WAITS,
    waiters.WAIT_OVERDUE,
    sessions.TRANSACTION_LASTS,
    sessions.TOO_MANY_SESSIONS,
    events.EVENT_WAITS,
    usage.TOTALS_DIFFER,
)
"""Checks that look at the present only, which is small or cannot be cut."""

DEVICES = Order(
    "devices",
    (("id", "text"),),
    "SELECT id, NULL::timestamptz AS at FROM devices WHERE {below} ORDER BY id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (holds.DEVICE_NAMES_ENDED, reservations.DEVICE_NAMES_NO_RESERVATION, waiters.HELD_FOR_NOBODY),
)

HELD = Order(
    "held",
    (("device_id", "text"),),
    "SELECT device_id, NULL::timestamptz AS at FROM device_allocations WHERE status = 'allocated' AND {below}"
    " ORDER BY device_id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (holds.DEVICE_NAMES_ANOTHER, reservations.LENT_INTO_RESERVATION, reservations.ALLOCATION_WITHOUT_RESERVATION),
)

USERS = Order(
    "users",
    (("tenant_id", "text"), ("user_id", "text")),
    "SELECT tenant_id, user_id, NULL::timestamptz AS at FROM quota_usage WHERE {below}"
    " ORDER BY tenant_id DESC, user_id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (usage.USAGE_DIFFERS,),
)

# The index that orders by time is led by status: those of each, merged as far as the slice goes.
_BY_TIME = " UNION ALL ".join(
    f"(SELECT allocated_at, id FROM device_allocations WHERE status = '{status}' AND {{below}}"
    " ORDER BY allocated_at DESC, id DESC LIMIT %(rows)s)"
    for status in AllocationStatus
)
ALLOCATIONS = Order(
    "allocations",
    (("allocated_at", "timestamptz"), ("id", "uuid")),
    f"SELECT allocated_at, id, allocated_at AS at FROM ({_BY_TIME}) of_each"
    " ORDER BY allocated_at DESC, id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (
        holds.HOLDS_OVERLAP,
        holds.MOVED_HOLDS_OVERLAP,
        holds.TOKEN_DID_NOT_RISE,
        holds.FENCE_IS_BEHIND,
        events.GRANT_EVENTS,
        events.ADOPTION_EVENTS,
        events.FAILOVER_EVENTS,
        renewals.RENEWALS_DIFFER,
        renewals.RENEWAL_EVENTS,
    ),
)

ENDS = Order(
    "ends",
    (("released_at", "timestamptz"), ("id", "uuid")),
    "SELECT released_at, id, released_at AS at FROM device_allocations"
    " WHERE status <> 'allocated' AND released_at IS NOT NULL AND {below}"
    " ORDER BY released_at DESC, id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (events.END_EVENTS, usage.BILL_DIFFERS),
)

EVENTS = Order(
    "events",
    (("id", "bigint"),),
    "SELECT id, occurred_at AS at FROM outbox WHERE {below} ORDER BY id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (
        events.EVENT_ALLOCATION,
        events.EVENT_OVERTOOK,
        events.EVENT_TENANT,
        renewals.EVENT_RENEWAL,
        reservations.EVENT_RESERVATION,
        waiters.EVENT_ENTRY,
    ),
)

KEYS = Order(
    "keys",
    (
        ("created_at", "timestamptz"),
        ("tenant_id", "text"),
        ("caller", "text"),
        ("route", "text"),
        ("key", "text"),
    ),
    "SELECT created_at, tenant_id, caller, route, key, created_at AS at FROM idempotency_keys WHERE {below}"
    " ORDER BY created_at DESC, tenant_id DESC, caller DESC, route DESC, key DESC OFFSET %(rows)s - 1 LIMIT 1",
    (keys.GRANT_IS_MISSING, keys.GRANT_TWICE, keys.KEY_WITHOUT_ANSWER, keys.KEY_TENANT),
)

PENDING = Order(
    "pending reservations",
    (("device_id", "text"), ("starts_at", "timestamptz")),
    "SELECT device_id, starts_at, NULL::timestamptz AS at FROM reservations WHERE status = 'pending' AND {below}"
    " ORDER BY device_id DESC, starts_at DESC OFFSET %(rows)s - 1 LIMIT 1",
    (reservations.DEVICE_OVERLOOKS, reservations.events_of(reservations.PENDING)),
)

EXECUTING = Order(
    "executing reservations",
    (("allocation_id", "uuid"),),
    "SELECT allocation_id, NULL::timestamptz AS at FROM reservations WHERE status = 'executing' AND {below}"
    " ORDER BY allocation_id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (reservations.EXECUTING_WITHOUT_ALLOCATION, reservations.events_of(reservations.EXECUTING)),
)

# By the end of the window: one that was given up for a time to come is looked at until a day after that.
ENDED_RESERVATIONS = Order(
    "ended reservations",
    (("ends_at", "timestamptz"), ("id", "uuid")),
    "SELECT ends_at, id, ends_at AS at FROM reservations WHERE status NOT IN ('pending', 'executing') AND {below}"
    " ORDER BY ends_at DESC, id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (reservations.events_of(reservations.ENDED),),
)

WAITING = Order(
    "waiters",
    (("rank", "double precision"), ("id", "uuid")),
    "SELECT rank, id, NULL::timestamptz AS at FROM queue_entries WHERE status = 'waiting' AND {below}"
    " ORDER BY rank DESC, id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (waiters.WAITER_PASSED_OVER, waiters.events_of(waiters.WAITING)),
)

ENDED_WAITS = Order(
    "ended waits",
    (("ended_at", "timestamptz"), ("id", "uuid")),
    "SELECT ended_at, id, ended_at AS at FROM queue_entries WHERE status <> 'waiting' AND {below}"
    " ORDER BY ended_at DESC, id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (waiters.FULFILLED_WITHOUT_ALLOCATION, waiters.events_of(waiters.ENDED)),
)

# What is live comes first, then events and what has ended.
_LIVE = (HELD, DEVICES, USERS, PENDING, EXECUTING, WAITING)
ORDERS = {order.name: order for order in (*_LIVE, EVENTS, ENDS, ENDED_RESERVATIONS, ENDED_WAITS, ALLOCATIONS, KEYS)}
