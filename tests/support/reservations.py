"""Bookings of tests: bodies, times, and the keeper on real Postgres."""

from datetime import datetime, timedelta
from typing import Any

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.domain.model import DeviceWants, User
from scheduler.domain.reservation import Booking, Reservation
from scheduler.service.reservation_keeper import KeepingPolicy, ReservationKeeper
from scheduler.service.reserver import Reserver
from tests.support.clock import Clock
from tests.support.fake_meter import FakeMeter

ANY_TENANT = "acme"


def keeper_on(database: Database, notice_minutes: int = 15, no_show_minutes: int | None = None) -> ReservationKeeper:
    """The production use case on one connection."""
    return ReservationKeeper(
        PostgresReservationCalendar(database),
        BuiltInQuotas(database, "pro"),
        NoCache(),
        FakeMeter(),
        KeepingPolicy(notice_minutes, no_show_minutes),
    )


def reserver_on(database: Database) -> Reserver:
    """The production use case on one connection."""
    return Reserver(PostgresReservations(database), BuiltInQuotas(database, "pro"), OpenGate(), FakeMeter())


def booking(user_id: str, *starts: datetime, minutes: int = 60, **wants: Any) -> Booking:
    """One wish of a user of tenant acme."""
    return Booking(User(ANY_TENANT, user_id), starts, minutes, DeviceWants(**wants))


def book(
    database: Database, clock: Clock, in_minutes: float = 60, minutes: int = 60, user_id: str = "alice", **wants: Any
) -> Reservation:
    """Book one window, so many minutes from now."""
    start = clock.read() + timedelta(minutes=in_minutes)
    (booked,) = reserver_on(database).book(booking(user_id, start, minutes=minutes, **wants))
    return booked


def status_of(database: Database, reservation: Reservation) -> str:
    """What became of it."""
    return str(database.call("SELECT status FROM reservations WHERE id = %(id)s::uuid", {"id": reservation.id}))


def next_reserved_at(database: Database, device_id: str) -> datetime | None:
    """What the device's own row says."""
    at: datetime | None = database.call("SELECT next_reserved_at FROM devices WHERE id = %(id)s", {"id": device_id})
    return at


def events(database: Database, of: str = "scheduler.reservation.") -> list[str]:
    """Types of the events so far, without what they have in common."""
    rows = database.rows(
        "SELECT type FROM outbox WHERE type LIKE %(of)s || '%%' ORDER BY id", {"of": of}
    )
    return [row["type"].removeprefix(of) for row in rows]
