"""Wires what takes devices from their holders."""

from functools import lru_cache

from scheduler.adapters.postgres.interventions import PostgresInterventions
from scheduler.runtime import _available_cache, _quotas, database, meter
from scheduler.service.device_events import Incidents
from scheduler.service.failover import Failover
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_failover() -> Failover:
    """Wire failover and revocation."""
    return Failover(
        PostgresInterventions(database()),
        _quotas(),
        _available_cache(),
        meter(),
        off_for=settings().failover_off_tenants,
    )


@lru_cache(maxsize=1)
def get_incidents() -> Incidents:
    """Wire what befalls devices."""
    return Incidents(PostgresInterventions(database()), get_failover(), _available_cache())
