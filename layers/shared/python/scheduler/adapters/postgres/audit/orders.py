"""The orders in which rows are walked, each along an index, with the checks that it serves."""

from scheduler.adapters.postgres.audit import events, holds, keys, sessions, usage
from scheduler.adapters.postgres.audit.check import Order

NOW = (
    sessions.ALLOCATION_OVERDUE,
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
    (holds.DEVICE_NAMES_ENDED,),
)

HELD = Order(
    "held",
    (("device_id", "text"),),
    "SELECT device_id, NULL::timestamptz AS at FROM device_allocations WHERE status = 'allocated' AND {below}"
    " ORDER BY device_id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (holds.DEVICE_NAMES_ANOTHER,),
)

USERS = Order(
    "users",
    (("tenant_id", "text"), ("user_id", "text")),
    "SELECT tenant_id, user_id, NULL::timestamptz AS at FROM quota_usage WHERE {below}"
    " ORDER BY tenant_id DESC, user_id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (usage.USAGE_DIFFERS,),
)

# The index that orders by time is led by status: the newest of each, merged.
ALLOCATIONS = Order(
    "allocations",
    (("allocated_at", "timestamptz"), ("id", "uuid")),
    "SELECT newest.allocated_at, newest.id, newest.allocated_at AS at FROM unnest(%(statuses)s) s (status)"
    " CROSS JOIN LATERAL (SELECT a.allocated_at, a.id FROM device_allocations a WHERE a.status = s.status AND {below}"
    " ORDER BY a.allocated_at DESC, a.id DESC LIMIT %(rows)s) newest"
    " ORDER BY newest.allocated_at DESC, newest.id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (
        holds.HOLDS_OVERLAP,
        holds.TOKEN_DID_NOT_RISE,
        holds.FENCE_IS_BEHIND,
        events.GRANT_EVENTS,
        events.ADOPTION_EVENTS,
    ),
)

ENDS = Order(
    "ends",
    (("released_at", "timestamptz"), ("id", "uuid")),
    "SELECT released_at, id, released_at AS at FROM device_allocations"
    " WHERE status <> 'allocated' AND released_at IS NOT NULL AND {below}"
    " ORDER BY released_at DESC, id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (events.END_EVENTS,),
)

EVENTS = Order(
    "events",
    (("id", "bigint"),),
    "SELECT id, occurred_at AS at FROM outbox WHERE {below} ORDER BY id DESC OFFSET %(rows)s - 1 LIMIT 1",
    (events.EVENT_ALLOCATION, events.EVENT_OVERTOOK, events.EVENT_TENANT),
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

ORDERS = {order.name: order for order in (HELD, DEVICES, USERS, EVENTS, ENDS, ALLOCATIONS, KEYS)}
