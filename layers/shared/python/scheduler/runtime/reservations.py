"""Wires reservations: booking, keeping, and the signs of owners."""

from functools import lru_cache
from typing import TYPE_CHECKING

from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.runtime import _available_cache, _gate, _quotas, database, meter
from scheduler.service.attendance import Attendance
from scheduler.settings import settings

if TYPE_CHECKING:
    from scheduler.service.reservation_keeper import ReservationKeeper
    from scheduler.service.reserver import Reserver


@lru_cache(maxsize=1)
def get_reserver() -> "Reserver":
    """Wire the reservations' routes."""
    from scheduler.service.reserver import Reserver

    return Reserver(
        PostgresReservations(database(), settings().caps), PostgresKeys(database()), _quotas(), _gate(), meter()
    )


@lru_cache(maxsize=1)
def get_attendance() -> Attendance:
    """Wire the signs of owners, where no-shows are ended."""
    return Attendance(None if settings().reservations.no_show_minutes is None else PostgresReservations(database()))


@lru_cache(maxsize=1)
def get_reservation_keeper() -> "ReservationKeeper":
    """Wire what falls due of reservations."""
    from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
    from scheduler.service.reservation_keeper import KeepingPolicy, ReservationKeeper

    known = settings().reservations
    policy = KeepingPolicy(notice_minutes=known.notice_minutes, no_show_minutes=known.no_show_minutes)
    return ReservationKeeper(PostgresReservationCalendar(database()), _quotas(), _available_cache(), meter(), policy)
