"""Wires billing: balances, delivery, reports, reconciliation."""

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.usage_records import PostgresUsageRecords
from scheduler.ports.billing import Metering
from scheduler.runtime import _breaker_store, _service_token_secret, database, meter
from scheduler.runtime.connection import forget_secret
from scheduler.service.biller import Biller
from scheduler.service.reconciler import Reconciler
from scheduler.service.solvency import Solvency
from scheduler.service.usage_report import UsageReport
from scheduler.settings import settings

if TYPE_CHECKING:
    from scheduler.adapters.http.billing_service import BillingBalances
    from scheduler.adapters.http.neighbour import Neighbour


@lru_cache(maxsize=1)
def get_solvency() -> Solvency:
    """Wire the check of one user's balance."""
    return Solvency(get_balances(), PostgresKeys(database()))


@lru_cache(maxsize=1)
def get_balances() -> "BillingBalances":
    """Wire the billing service as the source of balances."""
    from scheduler.adapters.http.billing_service import BillingBalances

    return BillingBalances(
        _billing_service(), _breaker_store(), meter(), allow_on_error=settings().billing_allow_on_error
    )


@lru_cache(maxsize=1)
def get_biller() -> Biller:
    """Wire the billing queue."""
    return Biller(_metering(), PostgresUsageRecords(database()))


@lru_cache(maxsize=1)
def get_usage_report() -> UsageReport:
    """Wire GET /usage."""
    return UsageReport(PostgresUsageRecords(database()))


@lru_cache(maxsize=1)
def get_reconciler() -> Reconciler:
    """Wire the daily reconciliation."""
    from scheduler.adapters.postgres.reconciliations import PostgresReconciliations

    return Reconciler(PostgresReconciliations(database()), meter(), tells=bool(settings().billing_service_url))


def _metering() -> Metering | None:
    if not settings().billing_service_url:
        return None
    from scheduler.adapters.http.billing_service import BillingMetering
    from scheduler.edge.queue import seconds_left

    return BillingMetering(_billing_service(), _breaker_store(), meter(), seconds_left=seconds_left)


def _billing_service() -> "Neighbour":
    from scheduler.adapters.http.neighbour import Neighbour

    known = settings()
    forget = partial(forget_secret, known.service_token_secret_id)
    return Neighbour(known.billing_service_url, _service_token_secret, forget)
