"""End whatever is active on the device, whoever asks and whatever was named."""

from scheduler.adapters.postgres.connection import Database
from tests.fault.planted.bug import LONE, Bug, respell
from tests.fault.planted.drama import Drama


def look_at_the_device_only(database: Database) -> None:
    """Find the active allocation of the device, and ask no more."""
    respell(
        database,
        "releasable",
        (r"IF p_allocation IS NULL THEN", "IF true THEN"),
        (r"IF found_row\.tenant_id.*?THEN", "IF found_row.id IS NOT NULL THEN"),
    )


def a_late_release(drama: Drama) -> None:
    """Ana gives back twice; in between the phone went to cat."""
    first = drama.allocate(drama.ana)
    drama.release(drama.ana, first, allocationId=first.data["allocationId"])
    assert drama.allocate(drama.cat).status == 201
    drama.release(drama.ana, first, allocationId=first.data["allocationId"])


BUG = Bug("release by device only", "releases", a_late_release, setting=LONE, in_database=look_at_the_device_only)
