"""Wires the migrate function: what a deployment does to the database."""

from collections.abc import Mapping
from typing import Any

from scheduler.runtime.connection import database, database_url
from scheduler.settings import settings

RESCORE_SECONDS = 60.0
"""What is left of a large fleet then, the place function does."""


def migrate_database() -> Mapping[str, Any]:
    """Apply migrations and routines, add missing plans, and make the fleet follow the configured policies.

    An operator's choice of the strategy stays, whatever is configured.
    """
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.adapters.postgres.logins import let_roles_in
    from scheduler.adapters.postgres.migrate import migrate
    from scheduler.adapters.postgres.quotas import seed_plans
    from scheduler.domain.plans import BUILT_IN_PLANS
    from scheduler.runtime.placement import get_placement

    done = migrate(database_url())
    if settings().db_login.by_iam:
        let_roles_in(database())
    seed_plans(database(), BUILT_IN_PLANS)
    policy = settings().fleet
    strategy = get_placement().choose(policy.placement_strategy, by=None, seconds=RESCORE_SECONDS)
    PostgresDevices(database()).follow_policy(recycles=policy.recycling_enabled, minutes=policy.recycling_minutes)
    return {
        "applied": list(done.applied),
        "routines": list(done.routines),
        "version": done.version,
        "strategy": strategy.name,
        "recycles": policy.recycling_enabled,
    }
