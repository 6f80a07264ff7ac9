"""quota_plans and quotas: the built-in limits, for a scheduler without a user service."""

from collections.abc import Collection, Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database, Row
from scheduler.domain.model import User
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
