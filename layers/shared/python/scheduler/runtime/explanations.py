"""Wires explanations."""

from functools import lru_cache

from scheduler.adapters.postgres.explanations import PostgresExplanations
from scheduler.runtime import _quotas, database
from scheduler.service.explainer import Explainer


@lru_cache(maxsize=1)
def get_explainer() -> Explainer:
    """Wire GET /allocations/explain and /allocations/{allocationId}/explain."""
    return Explainer(PostgresExplanations(database()), _quotas())
