"""Lock the device, write the reservation, and leave the device's own row as it was: claims do not see it."""

from scheduler.adapters.postgres.connection import Database
from tests.fault.planted.bug import LONE, Bug, respell
from tests.fault.planted.drama import Drama


def book_without_telling_the_device(database: Database) -> None:
    """Write the reservation only."""
    respell(database, "bind_reservation", (r"UPDATE devices SET next_reserved_at[^;]*;", ""))


def somebody_asks_for_longer_than_is_left(drama: Drama) -> None:
    """The only device is promised to ana; half an hour of ben's would run into it, or be refused."""
    assert drama.reserve(drama.ana, minutes_ahead=20).status == 201
    drama.allocate(drama.ben)


BUG = Bug(
    "booking that locks the device and no more",
    "reservations",
    somebody_asks_for_longer_than_is_left,
    setting=LONE,
    in_database=book_without_telling_the_device,
)
