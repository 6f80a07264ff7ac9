"""Take a fencing token, and compare it with nothing."""

from scheduler.adapters.postgres.connection import Database
from tests.fault.planted.bug import LONE, Bug, respell
from tests.fault.planted.drama import Drama


def compare_no_token(database: Database) -> None:
    """Leave the comparison out."""
    respell(database, "release_device", (r"ELSIF target\.fencing_token <> p_fence THEN", "ELSIF false THEN"))


def a_stale_token(drama: Drama) -> None:
    """The phone comes back to ana; she shows the token of an earlier time."""
    first = drama.allocate(drama.ana)
    drama.release(drama.ana, first)
    assert drama.allocate(drama.ana).status == 201
    drama.release(drama.ana, first, fencingToken=first.data["fencingToken"])


BUG = Bug("fence not compared", "releases", a_stale_token, setting=LONE, in_database=compare_no_token)
