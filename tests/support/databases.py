"""Databases for tests: migrated, with the built-in plans and roles that can log in, as after a deployment."""

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.migrate import migrate
from scheduler.adapters.postgres.quotas import seed_plans
from scheduler.domain.plans import BUILT_IN_PLANS
from tests.support.roles import let_roles_in
from tools.embedded import PostgresServer


def migrated_database(server: PostgresServer, name: str) -> str:
    """Create one and give its URL; nobody stays connected, so that it can be copied."""
    url = server.create_database(name)
    migrate(url)
    plans = Database(lambda: url)
    seed_plans(plans, BUILT_IN_PLANS)
    plans.close()
    let_roles_in(server)
    return url
