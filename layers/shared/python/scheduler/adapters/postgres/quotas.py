"""quota_plans and quotas: the built-in limits, for a scheduler without a user service."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.connection import Database, Row
from scheduler.domain.model import User
from scheduler.domain.plans import Plan, QuotaChange, Usage
from scheduler.domain.quota import QuotaDocument, parse_document

_COLUMNS = {
    "maxDevices": "max_devices",
    "maxConcurrentDevices": "max_concurrent_devices",
    "maxCpuCoresPerDevice": "max_cpu_cores_per_device",
    "maxMemoryMBPerDevice": "max_memory_mb_per_device",
    "maxStorageGBPerDevice": "max_storage_gb_per_device",
    "totalCpuCores": "total_cpu_cores",
    "totalMemoryGB": "total_memory_gb",
    "totalStorageGB": "total_storage_gb",
}


class BuiltInQuotas:
    """Reads a user's plan from Postgres, and her own limits, if any; who has no plan has the default plan."""

    def __init__(self, database: Database, default_plan: str) -> None:
        """Work on one connection."""
        self._database = database
        self._default_plan = default_plan

    def document(self, user: User) -> QuotaDocument:
        """Read plan, status and limits in one query by primary keys."""
        return self.documents([user])[user]

    def documents(self, users: Collection[User]) -> Mapping[User, QuotaDocument]:
        """Read those of several users, all in one query."""
        asked = list(dict.fromkeys(users))
        rows = self._database.rows(
            "SELECT status, valid_until, own_limits, (plan).*"
            " FROM read_quotas(%(tenants)s::text[], %(users)s::text[], %(plan)s)",
            {
                "tenants": [user.tenant_id for user in asked],
                "users": [user.user_id for user in asked],
                "plan": self._default_plan,
            },
        )
        return {user: _document(row) for user, row in zip(asked, rows, strict=True)}


class PostgresQuotaChanges:
    """Looks at quotas and plans as they are kept, and changes them. Each method is one statement."""

    def __init__(self, database: Database, default_plan: str) -> None:
        """Work on one connection; who has no plan has the default plan."""
        self._database = database
        self._default_plan = default_plan

    def usage(self, user: User) -> Usage | None:
        """Look up what a user holds; None: nothing is known of her."""
        rows = self._database.rows(
            "SELECT coalesce(u.devices, 0) AS devices, coalesce(u.cpu_cores, 0) AS cpu_cores,"
            " coalesce(u.memory_mb, 0) AS memory_mb, coalesce(u.storage_mb, 0) AS storage_mb"
            " FROM (VALUES (%(tenant)s, %(user)s)) asked (tenant_id, user_id)"
            " LEFT JOIN quota_usage u ON (u.tenant_id, u.user_id) = (asked.tenant_id, asked.user_id)"
            " WHERE u.user_id IS NOT NULL OR EXISTS (SELECT FROM quotas q WHERE (q.tenant_id, q.user_id)"
            " = (asked.tenant_id, asked.user_id))",
            {"tenant": user.tenant_id, "user": user.user_id},
        )
        return Usage(**rows[0]) if rows else None

    def plan(self, name: str) -> Plan | None:
        """Look a plan up."""
        columns = ", ".join(_COLUMNS.values())
        rows = self._database.rows(f"SELECT {columns} FROM quota_plans WHERE name = %(name)s", {"name": name})
        return Plan(name, _known(rows[0])) if rows else None

    def put_plan(self, plan: Plan) -> datetime:
        """Add a plan, or replace its limits; give when."""
        values = {column: plan.limits.get(wire) for wire, column in _COLUMNS.items()}
        places = ", ".join(f"%({column})s" for column in values)
        replaced = ", ".join(f"{column} = excluded.{column}" for column in values)
        at: datetime = self._database.call(
            f"INSERT INTO quota_plans (name, updated_at, {', '.join(values)})"
            f" VALUES (%(name)s, scheduler_clock(), {places})"
            f" ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at, {replaced} RETURNING updated_at",
            {"name": plan.name, **values},
        )
        return at

    def put_quota(self, change: QuotaChange) -> datetime:
        """Give a user a quota in place of the one she has; give when."""
        at: datetime = self._database.call(
            "INSERT INTO quotas (tenant_id, user_id, plan_name, status, valid_until, limits, updated_at)"
            " VALUES (%(tenant)s, %(user)s, %(plan)s, %(status)s, %(until)s, %(limits)s, scheduler_clock())"
            " ON CONFLICT (tenant_id, user_id) DO UPDATE SET plan_name = excluded.plan_name, status = excluded.status,"
            " valid_until = excluded.valid_until, limits = excluded.limits, updated_at = excluded.updated_at"
            " RETURNING updated_at",
            {
                "tenant": change.user.tenant_id,
                "user": change.user.user_id,
                "plan": change.plan_name,
                "status": change.status,
                "until": change.valid_until,
                "limits": None if change.limits is None else Json(dict(change.limits)),
            },
        )
        return at

    def beyond_plan(self, name: str, after: User | None, limit: int) -> Sequence[User]:
        """List users of a plan who hold more than it allows, after one of them, in the order of tenant and user."""
        follows = " AND (u.tenant_id, u.user_id) > (%(tenant)s, %(user)s)" if after else ""
        rows = self._database.rows(
            "SELECT u.tenant_id, u.user_id FROM quota_usage u"
            " LEFT JOIN LATERAL (SELECT plan_name FROM quotas q"
            " WHERE (q.tenant_id, q.user_id) = (u.tenant_id, u.user_id) OFFSET 0) q ON true"
            " JOIN quota_plans p ON p.name = %(plan)s"
            f" WHERE u.devices > 0 AND coalesce(q.plan_name, %(default)s) = %(plan)s{follows}"
            " AND (u.devices > least(p.max_devices, p.max_concurrent_devices) OR u.cpu_cores > p.total_cpu_cores"
            " OR u.memory_mb > p.total_memory_gb * 1024::bigint OR u.storage_mb > p.total_storage_gb * 1024::bigint)"
            " ORDER BY u.tenant_id, u.user_id LIMIT %(limit)s",
            {
                "plan": name,
                "default": self._default_plan,
                "tenant": after and after.tenant_id,
                "user": after and after.user_id,
                "limit": limit,
            },
        )
        return [User(row["tenant_id"], row["user_id"]) for row in rows]


def _known(row: Row) -> dict[str, int]:
    return {wire: row[column] for wire, column in _COLUMNS.items() if row[column] is not None}


def _document(row: Row) -> QuotaDocument:
    limits = {wire: row[column] for wire, column in _COLUMNS.items()} | (row["own_limits"] or {})
    read = parse_document({"status": row["status"], "planName": row["name"], "limits": limits})
    return QuotaDocument(read.status, row["valid_until"], read.plan_name, read.limits)


def seed_plans(database: Database, plans: Mapping[str, Mapping[str, Any]]) -> None:
    """Add the built-in plans that are missing; a plan that an operator changed stays as it is."""
    for name, limits in plans.items():
        columns = {_COLUMNS[wire]: value for wire, value in limits.items()}
        names = ", ".join(["name", *columns])
        values = ", ".join(f"%({column})s" for column in ["name", *columns])
        database.call(
            f"INSERT INTO quota_plans ({names}) VALUES ({values}) ON CONFLICT DO NOTHING", {"name": name, **columns}
        )
