"""Wires the queue of events from outside."""

from functools import lru_cache

from scheduler.adapters.aws.parking import SqsParking
from scheduler.adapters.postgres.standing import PostgresStanding
from scheduler.runtime import _available_cache, _gate, database, meter
from scheduler.runtime.fleet import get_reports
from scheduler.runtime.interventions import get_incidents
from scheduler.service.consumer import Consumer
from scheduler.service.standing import Standing
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_consumer() -> Consumer:
    """Wire whatever events from outside concern."""
    store = PostgresStanding(database(), keeps_quotas=not settings().user_service_url)
    return Consumer(
        get_incidents(),
        get_reports(),
        Standing(store, _gate(), _available_cache(), meter()),
        SqsParking(settings().parking.events_in_dlq_url),
        meter(),
    )
