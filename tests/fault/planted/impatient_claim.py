"""Lend what is free to whoever asks, whoever waits."""

from scheduler.adapters.postgres.connection import Database
from tests.fault.history import Kind
from tests.fault.planted.bug import LONE, Bug, respell
from tests.fault.planted.drama import Drama


def claim_without_looking_at_the_line(database: Database) -> None:
    """Take everybody for one whom nobody waits before."""
    respell(database, "claim_device", (r"newcomer := CASE WHEN[^;]*;", ""))


def somebody_comes_as_the_device_is_free(drama: Drama) -> None:
    """Cat waits for the only device; dispatch has not come by when ben asks for it."""
    grant = drama.allocate(drama.ana)
    assert drama.cat.ask(Kind.JOIN, {"userId": drama.cat.user, "durationMinutes": 30}, None).status == 201
    assert drama.release(drama.ana, grant).status == 200
    drama.allocate(drama.ben)


BUG = Bug(
    "newcomer who overtakes a waiter",
    "waits",
    somebody_comes_as_the_device_is_free,
    setting=LONE,
    in_database=claim_without_looking_at_the_line,
)
