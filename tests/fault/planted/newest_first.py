"""Serve whoever came last."""

from dataclasses import replace

from scheduler.adapters.postgres.connection import Database
from tests.fault import jobs
from tests.fault.history import Kind
from tests.fault.planted.bug import LONE, Bug, respell
from tests.fault.planted.drama import Drama


def serve_the_newest(database: Database) -> None:
    """Turn the line around."""
    respell(database, "next_waiter", (r"ORDER BY rank, id", "ORDER BY rank DESC, id"))


def a_device_frees_for_two(drama: Drama) -> None:
    """Cat waits, then ben; one device is given back."""
    grant = drama.allocate(drama.ana)
    for who in (drama.cat, drama.ben):
        assert who.ask(Kind.JOIN, {"userId": who.user, "durationMinutes": 30}, None).status == 201
    assert drama.release(drama.ana, grant).status == 200
    jobs.dispatch(drama.scene)


BUG = Bug(
    "newest waiter first",
    "waits",
    a_device_frees_for_two,
    setting=replace(LONE, orderly=True),
    in_database=serve_the_newest,
)
