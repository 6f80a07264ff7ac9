"""Wires renewals."""

from functools import lru_cache

from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.runtime import _gate, _quotas, _solvency, database, meter
from scheduler.service.renewer import Renewer


@lru_cache(maxsize=1)
def get_renewer() -> Renewer:
    """Wire the renewal of one allocation, and the look ahead."""
    return Renewer(PostgresRenewals(database()), _quotas(), _gate(), meter(), _solvency())
