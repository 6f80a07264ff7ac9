"""Bookings of tests: bodies, times, and the keeper on real Postgres."""

from datetime import datetime, timedelta
from typing import Any

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.quotas import BuiltInQuotas, seed_plans
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts
from scheduler.domain.plans import BUILT_IN_PLANS
from scheduler.domain.reservation import Booking, Reservation
from scheduler.service.reservation_keeper import KeepingPolicy, ReservationKeeper
from scheduler.service.reserver import Reserver
from tests.support.clock import Clock
from tests.support.fake_meter import FakeMeter

TENANT = "acme"


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
    return Reserver(
        PostgresReservations(database), PostgresKeys(database), BuiltInQuotas(database, "pro"), OpenGate(), FakeMeter()
    )


def booking(user_id: str, *starts: datetime, minutes: int = 60, **details: Any) -> Booking:
    """One wish of a user of tenant acme."""
    return Booking(User(TENANT, user_id), starts, minutes, **details)


def book(
    database: Database, clock: Clock, in_minutes: float = 60, minutes: int = 60, user_id: str = "alice", **details: Any
) -> Reservation:
    """Book one window, so many minutes from now."""
    start = clock.read() + timedelta(minutes=in_minutes)
    (booked,) = reserver_on(database).book(booking(user_id, start, minutes=minutes, **details))
    return booked


def plan(database: Database, user_id: str, name: str) -> None:
    """Give a user of tenant acme a built-in plan."""
    seed_plans(database, BUILT_IN_PLANS)
    database.call(
        "INSERT INTO quotas (tenant_id, user_id, plan_name) VALUES (%(tenant)s, %(user)s, %(plan)s)",
        {"tenant": TENANT, "user": user_id, "plan": name},
    )


def facts_of(database: Database, reservation: Reservation) -> Facts:
    """How it stands now, as answers have it."""
    facts: Facts = database.call(
        "SELECT reservation_facts(r) FROM reservations r WHERE id = %(id)s::uuid", {"id": reservation.id}
    )
    return facts


def status_of(database: Database, reservation: Reservation) -> str:
    """What became of it."""
    return str(facts_of(database, reservation)["status"])


def next_reserved_at(database: Database, device_id: str) -> datetime | None:
    """What the device's own row says."""
    at: datetime | None = database.call("SELECT next_reserved_at FROM devices WHERE id = %(id)s", {"id": device_id})
    return at


def events(database: Database, of: str = "scheduler.reservation.") -> list[str]:
    """Types of the events so far, without what they have in common."""
    rows = database.rows("SELECT type FROM outbox WHERE type LIKE %(of)s || '%%' ORDER BY id", {"of": of})
    return [row["type"].removeprefix(of) for row in rows]
