"""Wires quotas and plans over HTTP."""

from functools import lru_cache

from scheduler.adapters.postgres.quotas import PostgresQuotaChanges
from scheduler.runtime import _available_cache, _gate, _quotas, database, meter
from scheduler.service.quotas import QuotaChanges, Quotas
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_quotas() -> Quotas:
    """Wire the look at quotas."""
    return Quotas(_store(), _quotas())


@lru_cache(maxsize=1)
def get_quota_changes() -> QuotaChanges:
    """Wire changes of quotas and plans."""
    from scheduler.adapters.postgres.standing import PostgresStanding
    from scheduler.service.standing import Standing

    # The row of the quota is written by the change itself.
    standing = Standing(PostgresStanding(database(), keeps_quotas=False), _gate(), _available_cache(), meter())
    return QuotaChanges(_store(), _quotas(), standing, kept_here=not settings().user_service_url)


def _store() -> PostgresQuotaChanges:
    return PostgresQuotaChanges(database(), settings().default_plan)
