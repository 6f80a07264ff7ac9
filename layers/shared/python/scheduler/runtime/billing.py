"""Wires billing: balances, records, reports."""

from functools import lru_cache, partial

from scheduler.adapters.http.billing_service import BillingBalances
from scheduler.adapters.http.neighbour import Neighbour
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.runtime import _breaker_store, _forget_secret, _service_token_secret, database, meter
from scheduler.service.solvency import Solvency
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_solvency() -> Solvency:
    """Wire the check of one user's balance."""
    return Solvency(get_balances(), PostgresKeys(database()))


@lru_cache(maxsize=1)
def get_balances() -> BillingBalances:
    """Wire the billing service as the source of balances."""
    return BillingBalances(
        _billing_service(), _breaker_store(), meter(), allow_on_error=settings().billing_allow_on_error
    )


def _billing_service() -> Neighbour:
    known = settings()
    forget = partial(_forget_secret, known.service_token_secret_id)
    return Neighbour(known.billing_service_url, _service_token_secret, forget)
