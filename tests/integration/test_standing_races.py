"""A user who is suspended while she allocates keeps nothing, whoever is faster."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.errors import SchedulerError
from scheduler.domain.incoming import StandingEvent, UserQuotaUpdated
from scheduler.domain.model import User
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.incoming import about
from tests.support.ledger import assert_ledger_agrees
from tests.support.standing import standing_on

ALLOCATING = 12
ROUNDS = 8
PLANTED_ROUNDS = 40


def suspend(database: Database, event: StandingEvent) -> None:
    standing_on(database).apply(event)


def suspend_without_blocking_first(database: Database, event: StandingEvent) -> None:
    """The planted bug: all is ended, then the user is blocked, and who claimed in between keeps her device."""
    database.rows(
        "SELECT * FROM end_allocations(ARRAY("
        "SELECT id FROM device_allocations WHERE user_id = %(user)s AND status = 'allocated'), 'revoked')",
        {"user": event.user.user_id},
    )
    standing_on(database)._store.note(event)


def survivors(database: Database, url: str, user_id: str, act: Callable[[Database], None]) -> int:
    """Let a user claim from all sides while something acts on her; count what she keeps."""
    start = threading.Barrier(ALLOCATING + 1)

    def connected(work: Callable[[Database], None]) -> None:
        own = Database(lambda: url)
        own.call("SELECT 1", {})
        start.wait(timeout=30)
        try:
            work(own)
        except SchedulerError:  # refused, which is as good
            pass
        finally:
            own.close()

    def claim(own: Database) -> None:
        allocator_on(own).allocate(request(user_id))

    with ThreadPoolExecutor(max_workers=ALLOCATING + 1) as pool:
        list(pool.map(connected, [*([claim] * (ALLOCATING // 2)), act, *([claim] * (ALLOCATING - ALLOCATING // 2))]))
    kept: int = database.call(
        "SELECT count(*) FROM device_allocations WHERE user_id = %(user)s AND status = 'allocated'", {"user": user_id}
    )
    return kept


def test_no_allocation_survives_a_suspension(database: Database, database_url: str) -> None:
    add_devices(database, ALLOCATING)

    for number in range(ROUNDS):
        event = about(User("acme", f"user-{number}"), "user.suspended")
        assert survivors(database, database_url, f"user-{number}", lambda own, event=event: suspend(own, event)) == 0

    assert_ledger_agrees(database)


def test_the_race_catches_a_suspension_that_does_not_block_first(database: Database, database_url: str) -> None:
    add_devices(database, 20 * ALLOCATING)

    def kept(number: int) -> int:
        event = about(User("acme", f"user-{number}"), "user.suspended")
        return survivors(
            database, database_url, f"user-{number}", lambda own: suspend_without_blocking_first(own, event)
        )

    assert any(kept(number) for number in range(PLANTED_ROUNDS))


@pytest.mark.parametrize("limit", [0, 2])
def test_no_more_than_the_lowered_limit_survives(database: Database, database_url: str, limit: int) -> None:
    add_devices(database, ROUNDS * ALLOCATING)

    for number in range(ROUNDS):
        user = User("acme", f"user-{number}")
        event: UserQuotaUpdated = about(user, "user.quota_updated", limits={"maxDevices": limit})
        assert (
            survivors(
                database,
                database_url,
                user.user_id,
                lambda own, event=event: standing_on(own).change_limits(event),
            )
            <= limit
        )

    assert_ledger_agrees(database)


def test_the_same_failed_payment_at_once_counts_once(database: Database, database_url: str) -> None:
    event = about(User("acme", "alice"), "billing.payment_failed")

    def apply(_: int) -> None:
        own = Database(lambda: database_url)
        standing_on(own).apply(event)
        own.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(apply, range(8)))

    assert database.call("SELECT count(*) FROM payment_failures", {}) == 1
    assert database.call("SELECT blocked FROM quota_usage", {}) is False
