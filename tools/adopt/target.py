"""This scheduler's database, which takes in what comes; or says what it would take."""

from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Any, Protocol

from psycopg2.extras import Json

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from tools.adopt.rows import Allocation

BATCH = 500

NOT_OF_THE_FLEET = "its device is not in the fleet"
LENT_ALREADY = "its device is lent to somebody already"

type Columns = Mapping[str, Any]

# Past rows bring no fencing token, so the audit asks for neither their events nor their bills. Settles: the same row
# brought twice at once (primary key).
_HISTORY = """
WITH taken AS (
    INSERT INTO device_allocations (id, device_id, user_id, tenant_id, status, allocated_at, released_at, expires_at,
                                    duration_minutes, duration_seconds, metadata, created_at, updated_at)
    SELECT id, device_id, user_id, tenant_id, status, allocated_at, released_at, expires_at,
           duration_minutes, duration_seconds, metadata, created_at, updated_at
      FROM jsonb_populate_recordset(NULL::device_allocations, %(rows)s)
        ON CONFLICT DO NOTHING RETURNING tenant_id, status)
SELECT count(*) AS taken,
       count_allocations(tenant_id, count(*)::int, count(*) FILTER (WHERE status = 'released')::int,
                         count(*) FILTER (WHERE status = 'expired')::int,
                         count(*) FILTER (WHERE status = 'revoked')::int)
  FROM taken GROUP BY tenant_id"""

# A trigger adopts it: usage, device, event and counter follow. One at a time, as its locks are a user's and a device's.
# Settles: a claim of the device meanwhile (the unique index over active rows).
_ACTIVE = """
INSERT INTO device_allocations (id, device_id, user_id, tenant_id, status, allocated_at, expires_at,
                                duration_minutes, metadata, created_at, updated_at)
SELECT id, device_id, user_id, tenant_id, status, allocated_at, expires_at,
       duration_minutes, metadata, created_at, updated_at
  FROM jsonb_populate_record(NULL::device_allocations, %(row)s)
    ON CONFLICT DO NOTHING RETURNING true"""


class Target(Protocol):
    """Takes in, or would."""

    def add_devices(self, found: Sequence[Columns]) -> int:
        """Add those that are not there; tell how many."""
        ...

    def add_history(self, past: Sequence[Allocation]) -> int:
        """Add those that are not there; tell how many."""
        ...

    def adopt(self, active: Allocation) -> str | None:
        """Take an active one in as if it had been claimed, or say why not."""
        ...


class Known:
    """What is there."""

    def __init__(self, database: Database) -> None:
        """Look on one connection."""
        self._database = database

    def allocations(self, ids: Sequence[str]) -> set[str]:
        """Name those of the allocations that are there."""
        return self._named("SELECT id::text AS id FROM device_allocations WHERE id = ANY (%(ids)s::uuid[])", ids)

    def devices(self, ids: Sequence[str]) -> set[str]:
        """Name those of the devices that are there."""
        return self._named("SELECT id FROM devices WHERE id = ANY (%(ids)s)", ids)

    def is_lent(self, device_id: str) -> bool:
        """Tell whether somebody holds the device."""
        held = self._database.rows(
            "SELECT id FROM device_allocations WHERE device_id = %(id)s AND status = 'allocated'", {"id": device_id}
        )
        return bool(held)

    def _named(self, statement: str, ids: Sequence[str]) -> set[str]:
        return {str(row["id"]) for row in self._database.rows(statement, {"ids": list(ids)})}


class Fleet:
    """Writes."""

    def __init__(self, database: Database, known: Known) -> None:
        """Write on one connection."""
        self._database, self._known = database, known
        self._devices = PostgresDevices(database)

    def add_devices(self, found: Sequence[Columns]) -> int:
        """See Target. One that somebody else adds at this moment counts as there."""
        for _ in range(2):
            there = self._known.devices([str(device["id"]) for device in found])
            fresh = [device for device in found if device["id"] not in there]
            if not fresh or self._devices.register(fresh, None)["outcome"] == "registered":
                return len(fresh)
        return 0

    def add_history(self, past: Sequence[Allocation]) -> int:
        """See Target."""
        added = 0
        for batch in batched(past, BATCH, strict=False):
            rows = [allocation.columns for allocation in batch]
            added += sum(row["taken"] for row in self._database.rows(_HISTORY, {"rows": Json(rows)}))
        return added

    def adopt(self, active: Allocation) -> str | None:
        """See Target."""
        if not self._known.devices([active.device_id]):
            return NOT_OF_THE_FLEET
        taken = self._database.rows(_ACTIVE, {"row": Json(active.columns)})
        return None if taken else LENT_ALREADY


class Rehearsal:
    """Writes nothing, and says what would be taken."""

    def __init__(self, known: Known) -> None:
        """Compare with what is there."""
        self._known = known
        self._coming: set[str] = set()
        self._lent: set[str] = set()

    def add_devices(self, found: Sequence[Columns]) -> int:
        """See Target."""
        ids = {str(device["id"]) for device in found}
        fresh = ids - self._known.devices([*ids]) - self._coming
        self._coming |= fresh
        return len(fresh)

    def add_history(self, past: Sequence[Allocation]) -> int:
        """See Target."""
        return len(past)

    def adopt(self, active: Allocation) -> str | None:
        """See Target."""
        device = active.device_id
        if device not in self._coming and not self._known.devices([device]):
            return NOT_OF_THE_FLEET
        if device in self._lent or self._known.is_lent(device):
            return LENT_ALREADY
        self._lent.add(device)
        return None
