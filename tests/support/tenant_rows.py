"""One row in each table that has rows of tenants, for a tenant; a new table needs one here (test_roles)."""

from psycopg2.extensions import connection as Connection  # noqa: N812  its own name, as a type

_AT = "timestamptz '2026-03-02 09:00Z'"
_LATER = f"{_AT} + interval '1 hour'"
_ID = "md5(%(tenant)s)::uuid"
_HERS = {"tenant_id": "%(tenant)s", "user_id": "'alice'"}
_SPECS = {"device_type": "'android-14'", "cpu_cores": "4", "memory_mb": "4096", "storage_mb": "65536"}
_DEVICE = _SPECS | {"name": "'phone'", "adb_host": "'10.0.0.7'", "adb_port": "5555", "class_id": "1"}


def _into(table: str, **columns: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


OPERATORS_ONLY = {"audit_log"}
"""Tells of tenants, and to none of them (test_audit_log)."""

OPERATORS_CHANGE = {"quotas", "user_standing"}
"""Seen by their tenant, and changed by operators' requests only (test_quota_routes)."""

ROWS: dict[str, str] = {
    "devices": _into("devices", id="'of-' || %(tenant)s", tenant_id="%(tenant)s", **_DEVICE),
    "device_allocations": _into(
        "device_allocations",
        id=_ID,
        device_id="'shared'",
        status="'released'",
        released_at=_AT,
        expires_at=_AT,
        **_HERS,
    ),
    "allocation_renewals": _into(
        "allocation_renewals",
        allocation_id=_ID,
        number="1",
        renewed_at=_AT,
        additional_minutes="60",
        old_expires_at=_AT,
        new_expires_at=_LATER,
    ),
    "allocation_counters": _into("allocation_counters", tenant_id="%(tenant)s", shard="1"),
    "quotas": _into("quotas", **_HERS),
    "quota_usage": _into("quota_usage", **_HERS),
    "idempotency_keys": _into(
        "idempotency_keys",
        tenant_id="%(tenant)s",
        caller="'user:alice'",
        route="'POST /r'",
        key="'k'",
        body_hash="''",
        created_at=_AT,
    ),
    "outbox": _into(
        "outbox",
        type="'device.released'",
        subject="'d'",
        group_id="'d'",
        tenant_id="%(tenant)s",
        data="'{}'",
        occurred_at=_AT,
    ),
    "reservations": _into(
        "reservations",
        id=_ID,
        device_id="'shared'",
        status="'cancelled'",
        starts_at=_AT,
        ends_at=_LATER,
        duration_minutes="60",
        created_at=_AT,
        updated_at=_AT,
        **_HERS,
    ),
    "queue_entries": _into(
        "queue_entries",
        status="'expired'",
        tier="'pro'",
        rank="1",
        duration_minutes="60",
        terms_read_at=_AT,
        joined_at=_AT,
        expires_at=_LATER,
        ended_at=_LATER,
        **_HERS,
    ),
    "webhooks": _into(
        "webhooks",
        id=_ID,
        tenant_id="%(tenant)s",
        slot="1",
        url="'https://example.com'",
        secret="'s'",
        types="'{*}'",
        created_at=_AT,
    ),
    "webhook_deliveries": _into(
        "webhook_deliveries",
        webhook_id=_ID,
        event_id=_ID,
        type="'device.released'",
        body="''",
        created_at=_AT,
        next_attempt_at=_AT,
    ),
    "user_standing": _into("user_standing", **_HERS),
    "payment_failures": _into("payment_failures", event_id="'e'", failed_at=_AT, **_HERS),
    "usage_records": _into(
        "usage_records",
        allocation_id=_ID,
        segment="1",
        device_id="'d'",
        device_name="'d'",
        cpu_cores="4",
        memory_mb="4096",
        storage_mb="65536",
        started_at=_AT,
        ended_at=_LATER,
        seconds="3600",
        recorded_at=_LATER,
        **_HERS,
    ),
    "placement_uses": _into(
        "placement_uses",
        tenant_id="%(tenant)s",
        step="60",
        sessions="1",
        shares="0.5",
        as_of="0",
        share="0.5",
    ),
    "notifications": _into(
        "notifications",
        fact="%(tenant)s",
        type="'t'",
        language="'en'",
        title="''",
        message="''",
        data="'{}'",
        channels="'{}'",
        priority="'normal'",
        created_at=_AT,
        **_HERS,
    ),
    "notification_preferences": _into("notification_preferences", language="'en'", updated_at=_AT, **_HERS),
}
"""Statements by table, in an order that foreign keys allow."""

OF_AN_OWNER = {"allocation_renewals", "webhook_deliveries"}
"""Tables without a tenant, whose rows belong to whoever owns what they hang on."""


def fill(session: Connection, *tenants: str) -> None:
    """Write a row of each table for each tenant, and beside them a device that is shared."""
    with session.cursor() as cursor:
        cursor.execute(f"SELECT device_class(NULL, {', '.join(_SPECS.values())})")
        cursor.execute(_into("devices", id="'shared'", **_DEVICE))
        for tenant in tenants:
            for statement in ROWS.values():
                cursor.execute(statement, {"tenant": tenant})
