"""One database for many examples: emptied between them, its clock standing still."""

from collections.abc import Callable
from datetime import timedelta

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.quotas import seed_plans
from scheduler.domain.model import User
from scheduler.domain.plans import BUILT_IN_PLANS
from scheduler.domain.quota import MB_PER_GB, QuotaDocument
from tests.model.twin import Twin
from tests.support.clock import Clock

_KEPT = ["clock_offset", "fleet_policy", "placement_strategy", "schema_migrations", "schema_routines"]


class World:
    """Begins examples, lets time pass, and does by SQL what no use case does yet."""

    def __init__(self, database: Database, clock: Clock, tell: Callable[[int], None]) -> None:
        """Stop the clock; `tell` hears how many examples have ended well."""
        clock.stop()
        self.database = database
        self._clock = clock
        self._tables = ", ".join(
            row["tablename"]
            for row in database.rows(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%(kept)s)",
                {"kept": _KEPT},
            )
        )
        self._tell = tell
        self._ended = 0

    def begin(self) -> Twin:
        """Empty everything."""
        self.database.call(f"TRUNCATE {self._tables} RESTART IDENTITY", {})
        self._clock.reset()
        seed_plans(self.database, BUILT_IN_PLANS)
        return Twin(self.database, self._clock.read())

    def end(self) -> None:
        """Count an example that ended well."""
        self._ended += 1
        self._tell(self._ended)

    def advance(self, twin: Twin, by: timedelta) -> None:
        """Let time pass for both."""
        self._clock.advance(microseconds=by / timedelta(microseconds=1))
        twin.model.now += by

    def set_quota(self, twin: Twin, user: User, document: QuotaDocument) -> None:
        """Give a user a plan of her own."""
        plan, limits = document.plan_name, document.limits
        self.database.call(
            "INSERT INTO quota_plans (name, max_devices, max_cpu_cores_per_device, total_cpu_cores, total_memory_gb,"
            " total_storage_gb) VALUES (%(plan)s, %(devices)s, %(device_cpu)s, %(cpu)s, %(memory)s, %(storage)s)"
            " ON CONFLICT (name) DO UPDATE"
            " SET (max_devices, max_cpu_cores_per_device, total_cpu_cores, total_memory_gb, total_storage_gb) ="
            " (excluded.max_devices, excluded.max_cpu_cores_per_device, excluded.total_cpu_cores,"
            " excluded.total_memory_gb, excluded.total_storage_gb)",
            {
                "plan": plan,
                "devices": limits.devices,
                "device_cpu": limits.device_cpu_cores,
                "cpu": limits.cpu_cores,
                "memory": limits.memory_mb and limits.memory_mb // MB_PER_GB,
                "storage": limits.storage_mb and limits.storage_mb // MB_PER_GB,
            },
        )
        self.database.call(
            "INSERT INTO quotas (tenant_id, user_id, plan_name, status, valid_until)"
            " VALUES (%(tenant)s, %(user)s, %(plan)s, %(status)s, %(until)s) ON CONFLICT (tenant_id, user_id)"
            " DO UPDATE SET (status, valid_until) = (excluded.status, excluded.valid_until)",
            {
                "tenant": user.tenant_id,
                "user": user.user_id,
                "plan": plan,
                "status": document.status,
                "until": document.valid_until,
            },
        )
        twin.documents[user] = document
