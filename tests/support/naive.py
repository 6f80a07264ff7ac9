"""What everybody writes first: lock the user, read a cached list, take the first, insert. For tests to catch."""

import json
from datetime import UTC, datetime, timedelta

import redis

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import Allocation, AllocationRequest, AllocationStatus
from tests.support.contenders import Allocate


def naive_allocate_on(database: Database, redis_url: str) -> Allocate:
    """Give an allocate that holds the user's lock and no other."""
    client = redis.from_url(redis_url, decode_responses=True)

    def allocate(wish: AllocationRequest) -> Allocation:
        with client.lock(f"allocation:user:{wish.user.user_id}", timeout=5):
            device_id = _cached_devices(client, database)[0]
            at = datetime.now(UTC)
            rows = database.rows(
                "INSERT INTO device_allocations (device_id, user_id, tenant_id, expires_at)"
                " VALUES (%(device)s, %(user)s, %(tenant)s, %(until)s) RETURNING id::text",
                {
                    "device": device_id,
                    "user": wish.user.user_id,
                    "tenant": wish.user.tenant_id,
                    "until": at + timedelta(minutes=wish.minutes),
                },
            )
            client.delete("naive:available")
        return Allocation(
            rows[0]["id"], device_id, "", "", wish.user, AllocationStatus.ALLOCATED, at, None, wish.minutes, 0
        )

    return allocate


def _cached_devices(client: redis.Redis, database: Database) -> list[str]:
    cached = client.get("naive:available")
    if cached:
        return list(json.loads(str(cached)))
    rows = database.rows(
        "SELECT d.id FROM devices d WHERE d.status = 'running' AND NOT EXISTS (SELECT FROM device_allocations a"
        " WHERE a.device_id = d.id AND a.status = 'allocated') ORDER BY d.id",
        {},
    )
    ids = [row["id"] for row in rows]
    client.set("naive:available", json.dumps(ids), ex=10)
    return ids
