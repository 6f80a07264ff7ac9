"""Wires batches."""

from functools import lru_cache

from scheduler.runtime import _available_cache, _quotas, database, meter
from scheduler.service.batches import Batches


@lru_cache(maxsize=1)
def get_batches() -> Batches:
    """Wire the routes under /allocations/batch."""
    from scheduler.adapters.postgres.batches import PostgresBatches
    from scheduler.adapters.postgres.keys import PostgresKeys

    return Batches(PostgresBatches(database()), _quotas(), PostgresKeys(database()), _available_cache(), meter())
