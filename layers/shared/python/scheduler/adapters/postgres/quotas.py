"""quota_plans and quotas: the built-in limits, for a scheduler without a user service."""

from collections.abc import Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database
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
    """Reads a user's plan from Postgres; who has none has the default plan."""

    def __init__(self, database: Database, default_plan: str) -> None:
        """Work on one connection."""
        self._database = database
        self._default_plan = default_plan

    def document(self, user: User) -> QuotaDocument:
        """Read plan, status and limits in one query by primary keys."""
        rows = self._database.rows(
            "SELECT coalesce(q.status, 'active') AS status, q.valid_until, p.*"
            " FROM (SELECT 1) one LEFT JOIN quotas q ON (q.tenant_id, q.user_id) = (%(tenant)s, %(user)s)"
            " LEFT JOIN quota_plans p ON p.name = coalesce(q.plan_name, %(plan)s)",
            {"tenant": user.tenant_id, "user": user.user_id, "plan": self._default_plan},
        )
        row = rows[0]
        limits = {wire: row[column] for wire, column in _COLUMNS.items()}
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
