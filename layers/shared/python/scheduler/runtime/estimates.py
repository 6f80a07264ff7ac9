"""Wires the estimates of waits."""

from functools import lru_cache

from scheduler.adapters.postgres.outlook import PostgresOutlook
from scheduler.runtime import database
from scheduler.service.estimator import Estimator
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_estimator() -> Estimator:
    """Wire what a waiter is told, and how such promises were kept."""
    return Estimator(PostgresOutlook(database(), settings().queue_hold_minutes))
