"""devices, as operators see them: lists, and their lives."""

from collections.abc import Sequence

from scheduler.adapters.postgres.connection import Database, Row
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.device_life import Device, DeviceFilter, Glance, Life, Transition, device_of
from scheduler.domain.health import Heartbeat, health_score
from scheduler.domain.model import DeviceStatus, RequestKey
from scheduler.domain.outcome import Facts


class PostgresFleet:
    """Lists devices, and leads them through their lives."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def find(self, device_id: str) -> Device | None:
        """Find one device that is not deleted."""
        facts = self._database.call(
            "SELECT device_facts(d) FROM devices d WHERE d.id = %(id)s AND d.life <> 'deleted'", {"id": device_id}
        )
        return None if facts is None else device_of(facts)

    def page(self, wanted: DeviceFilter) -> Sequence[Device]:
        """List by id (keyset): by the index of what is rare, else kind by kind, else by id alone."""
        rare = wanted.life not in {None, Life.IN_SERVICE} or wanted.status not in {None, DeviceStatus.RUNNING}
        by_kind = not rare and (wanted.device_type or wanted.tenant_id) is not None
        statement = _BY_KIND if by_kind else _BY_ID
        rows = self._database.rows(
            statement.format(conditions=" AND ".join(_conditions(wanted, by_kind=by_kind))),
            {
                "status": wanted.status,
                "life": wanted.life,
                "type": wanted.device_type,
                "tenant": wanted.tenant_id,
                "after": wanted.after_id,
                "limit": wanted.limit + 1,
            },
        )
        return [device_of(row["facts"]) for row in rows]

    def glances(self, after_id: str | None, limit: int) -> Sequence[Glance]:
        """List by id (keyset); only the page joins who has the devices, and their heartbeats."""
        rows = self._database.rows(_GLANCES, {"after": after_id or "", "limit": limit})
        return [_glance(row) for row in rows]

    def change(self, device_id: str, transition: Transition, reason: str | None, key: RequestKey | None) -> Facts:
        """Lead a device along a transition, in one round trip."""
        facts: Facts = self._database.call(
            "SELECT change_life(%(device)s, %(leaves)s, %(to)s, %(reason)s, %(key)s::request_key)",
            {
                "device": device_id,
                "leaves": sorted(transition.leaves),
                "to": transition.to,
                "reason": reason,
                "key": key_row(key),
            },
        )
        return facts

    def to_clear(self, limit: int) -> Sequence[tuple[str, str]]:
        """List devices that must serve nobody and still do, by id, each with why."""
        rows = self._database.rows(
            "SELECT id, coalesce(life_reason, 'The device is out of service') AS reason FROM devices"
            " WHERE life IN ('quarantined', 'deleted') AND active_allocation_id IS NOT NULL"
            " ORDER BY life, id LIMIT %(limit)s",
            {"limit": limit},
        )
        return [(row["id"], row["reason"]) for row in rows]

    def quarantine_unrecycled(self, limit: int) -> Sequence[str]:
        """Quarantine devices whose wipe takes too long; each is asked again under its lock."""
        rows = self._database.rows("SELECT quarantine_unrecycled(%(limit)s) AS id", {"limit": limit})
        return [row["id"] for row in rows]


_BY_ID = "SELECT device_facts(d) AS facts FROM devices d WHERE {conditions} ORDER BY d.id LIMIT %(limit)s"
_BY_KIND = (
    "SELECT device_facts(page) AS facts FROM (SELECT d.* FROM spec_classes c CROSS JOIN LATERAL ("
    "SELECT * FROM devices d WHERE d.class_id = c.id AND {conditions} ORDER BY d.id LIMIT %(limit)s) d"
    " WHERE (%(type)s::text IS NULL OR c.device_type = %(type)s) AND (%(tenant)s::text IS NULL OR c.pool = %(tenant)s)"
    " ORDER BY d.id LIMIT %(limit)s) page ORDER BY page.id"
)


_GLANCES = (
    "SELECT d.id, d.name, d.device_type, d.status, d.life, d.cpu_cores, d.memory_mb, d.storage_mb, d.tenant_id,"
    " d.failures_in_row, d.next_reserved_at, a.id::text AS allocation_id, a.user_id, a.tenant_id AS user_tenant_id,"
    " a.expires_at, h.cpu_usage, h.memory_usage, h.storage_usage, h.observed_at,"
    " greatest(extract(epoch FROM scheduler_now() - h.observed_at), 0)::float8 AS age_seconds"
    " FROM (SELECT * FROM devices WHERE life <> 'deleted' AND id > %(after)s ORDER BY id LIMIT %(limit)s) d"
    " LEFT JOIN device_allocations a ON a.id = d.active_allocation_id"
    " LEFT JOIN LATERAL (SELECT * FROM device_heartbeats WHERE device_id = d.id OFFSET 0) h ON true"  # a probe a device
    " ORDER BY d.id"
)
_BEAT = ("cpu_usage", "memory_usage", "storage_usage", "observed_at", "age_seconds")


def _glance(row: Row) -> Glance:
    heartbeat = None if row["observed_at"] is None else Heartbeat(**{name: row[name] for name in _BEAT})
    left = {name: value for name, value in row.items() if name not in {*_BEAT, "failures_in_row"}}
    return Glance(
        **left
        | {
            "status": DeviceStatus(row["status"]),
            "life": Life(row["life"]),
            "health": health_score(heartbeat, row["failures_in_row"]),
        }
    )


def _conditions(wanted: DeviceFilter, *, by_kind: bool) -> list[str]:
    """Name what a device must be; a kind says its type and tenant, which the planner cannot know."""
    filters = [
        ("d.life = %(life)s", wanted.life),
        ("d.life <> 'deleted'", wanted.life is None),
        ("d.status = %(status)s", wanted.status),
        ("d.device_type = %(type)s", wanted.device_type and not by_kind),
        ("d.tenant_id = %(tenant)s", wanted.tenant_id and not by_kind),
        ("d.id > %(after)s", wanted.after_id),
    ]
    return [condition for condition, value in filters if value]
