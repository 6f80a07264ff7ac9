"""Wires the migrate function: what a deployment does to the database."""

from collections.abc import Mapping
from typing import Any

from scheduler.runtime.connection import database, database_url
from scheduler.settings import settings


def migrate_database() -> Mapping[str, Any]:
    """Apply migrations and routines, add missing plans, and make the fleet follow the configured policies."""
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.adapters.postgres.logins import let_roles_in
    from scheduler.adapters.postgres.migrate import migrate
    from scheduler.adapters.postgres.quotas import seed_plans
    from scheduler.domain.plans import BUILT_IN_PLANS

    done = migrate(database_url())
    if settings().db_login.by_iam:
        let_roles_in(database())
    seed_plans(database(), BUILT_IN_PLANS)
    policy, devices = settings().fleet, PostgresDevices(database())
    devices.follow_strategy(policy.placement_strategy)
    devices.follow_policy(recycles=policy.recycling_enabled, minutes=policy.recycling_minutes)
    return {
        "applied": list(done.applied),
        "routines": list(done.routines),
        "version": done.version,
        "strategy": policy.placement_strategy,
        "recycles": policy.recycling_enabled,
    }
