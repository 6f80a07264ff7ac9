"""Wires the queue and its dispatch."""

from functools import lru_cache

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.runtime import _available_cache, _quotas, _solvency, database, get_allocator, meter
from scheduler.runtime.estimates import get_estimator
from scheduler.service.dispatcher import Dispatcher
from scheduler.service.line import Line
from scheduler.service.queue import Queue
from scheduler.service.waiting import PatientAllocator
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_queue() -> Queue:
    """Wire what waiters ask for."""
    return Queue(
        PostgresQueue(database(), settings().caps),
        _line(),
        _quotas(),
        get_estimator(),
        meter(),
        ageing_minutes=settings().ageing_minutes,
        solvency=_solvency(),
    )


@lru_cache(maxsize=1)
def get_patient_allocator() -> PatientAllocator:
    """Wire an allocation that may wait."""
    return PatientAllocator(get_allocator(), get_queue(), PostgresAllocations(database()))


@lru_cache(maxsize=1)
def get_dispatcher() -> Dispatcher:
    """Wire the run that serves reservations and the queue."""
    from scheduler.runtime.reservations import get_reservation_keeper

    return Dispatcher(
        PostgresQueue(database()),
        _line(),
        get_reservation_keeper(),
        PostgresKeys(database()),
        meter(),
        hold_minutes=settings().queue_hold_minutes,
    )


def _line() -> Line:
    return Line(PostgresQueue(database()), PostgresAllocations(database()), _quotas(), _available_cache(), meter())
