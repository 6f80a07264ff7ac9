"""Wires batches."""

from functools import lru_cache

from scheduler.ports.billing import BalanceSource
from scheduler.runtime import _available_cache, _quotas, database, meter
from scheduler.service.batches import Batches
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_batches() -> Batches:
    """Wire the routes under /allocations/batch."""
    from scheduler.adapters.postgres.batches import PostgresBatches
    from scheduler.adapters.postgres.keys import PostgresKeys

    keys = PostgresKeys(database())
    return Batches(
        PostgresBatches(database(), settings().caps), _quotas(), keys, _available_cache(), meter(), _balances()
    )


def _balances() -> BalanceSource | None:
    if not settings().billing_service_url:
        return None
    from scheduler.runtime.billing import get_balances

    return get_balances()
