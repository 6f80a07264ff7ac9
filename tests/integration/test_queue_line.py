"""Who is served, in which order, with what, and who is passed over."""

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.domain.errors import NoAvailableDevices
from scheduler.domain.model import DeviceWants
from scheduler.domain.queue import QueueFilter, Tier
from scheduler.domain.quota import QuotaLimits, QuotaTerms
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import assert_ledger_agrees, audited
from tests.support.waiters import HOLD_MINUTES, dispatcher_on, join, line_on, release, states, wish

ONE_DEVICE = QuotaTerms(refusal=None, valid_until=None, limits=QuotaLimits(devices=1))
SMALL, BIG = {"cpu_cores": 2, "prefix": "small"}, {"cpu_cores": 8, "prefix": "big"}


def lend_all(database: Database, count: int, minutes: int = 30) -> None:
    """Lend what is free to somebody."""
    for n in range(count):
        allocator_on(database).allocate(request(f"holder-{n}", minutes=minutes))


def served_by(database: Database) -> list[str]:
    """Users in the order in which they were served."""
    rows = database.rows("SELECT user_id FROM queue_entries WHERE status = 'fulfilled' ORDER BY ended_at", {})
    return [row["user_id"] for row in rows]


def free_and_serve(database: Database, device_id: str, times: int = 1) -> None:
    """Give a device back and serve the line, some times."""
    for _ in range(times):
        release(database, device_id)
        line_on(database).serve()


def test_tiers_weigh_as_much_as_the_minutes_waited(database: Database, clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    join(database, wish("free-early"), Tier.FREE)
    clock.advance(minutes=9)
    join(database, wish("basic"), Tier.BASIC)
    clock.advance(minutes=2)
    join(database, wish("basic-too-late"), Tier.BASIC)
    join(database, wish("pro"), Tier.PRO)
    join(database, wish("enterprise"), Tier.ENTERPRISE)

    free_and_serve(database, device, 5)

    assert served_by(database) == ["enterprise", "pro", "basic", "free-early", "basic-too-late"]


def test_a_line_is_a_line_within_a_tier(database: Database) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    for name in "abc":
        join(database, wish(name))

    free_and_serve(database, device, 3)

    assert served_by(database) == ["a", "b", "c"]


def test_whose_specs_quota_or_time_stand_in_the_way_holds_up_nobody(database: Database) -> None:
    add_devices(database, 1, **BIG)
    (small,) = add_devices(database, 1, **SMALL)
    lend_all(database, 2)
    join(database, wish("wants-big", min_cpu=8), Tier.ENTERPRISE)
    join(database, wish("holder-1"), Tier.PRO, ONE_DEVICE)
    join(database, wish("too-long", minutes=90), Tier.PRO)
    join(database, wish("modest"))
    database.call(
        "UPDATE devices SET next_reserved_at = scheduler_clock() + interval '1 hour' WHERE id = %(id)s", {"id": small}
    )

    free_and_serve(database, small)

    assert served_by(database) == ["modest"]


def test_never_less_than_was_asked_for(database: Database) -> None:
    add_devices(database, 1, **BIG)
    add_devices(database, 1, **SMALL)
    lend_all(database, 2)
    entry = join(database, wish("alice", min_cpu=8))
    release(database, "small-0000")
    assert line_on(database).serve() == 0

    free_and_serve(database, "big-0000")

    found = PostgresQueue(database).find(entry, "acme", "alice")
    assert found is not None
    assert found.device_id == "big-0000"


def test_whose_time_is_over_is_not_served(database: Database, clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    join(database, wish("late", max_wait=5))
    clock.advance(minutes=5)

    free_and_serve(database, device)
    assert states(database) == {"late": "waiting"}
    assert line_on(database).expire() == 1

    assert states(database) == {"late": "expired"}
    assert_ledger_agrees(database)


def test_nobody_waits_beside_an_overdue_device(database: Database, clock: Clock) -> None:
    add_devices(database, 1)
    lend_all(database, 1, minutes=10)
    join(database, wish("alice"))
    clock.advance(minutes=10)

    assert line_on(database).serve() == 1


def test_a_quota_that_was_read_long_ago_is_read_again_before_it_is_served_by(database: Database, clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    join(database, wish("suspended"), Tier.PRO)
    join(database, wish("bob"))
    clock.advance(minutes=2)
    database.call(
        "INSERT INTO quotas (tenant_id, user_id, plan_name, status) VALUES ('acme', 'suspended', 'pro', 'suspended')",
        {},
    )

    free_and_serve(database, device)

    assert served_by(database) == ["bob"]


def test_waits_are_measured(database: Database, clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    clock.stop()
    join(database, wish("alice"))
    clock.advance(minutes=2)
    release(database, device)
    meter = FakeMeter()

    line_on(database, meter).serve()

    assert meter.observed["QueueWait"] == [(120.0, "Seconds")]
    assert meter.counted["QueueServed"] == 1


def test_an_aged_big_request_gets_its_device_before_small_ones_that_are_ahead(database: Database, clock: Clock) -> None:
    add_devices(database, 1, **BIG)
    add_devices(database, 1, **SMALL)
    lend_all(database, 2)
    join(database, wish("big", min_cpu=8), Tier.FREE)
    clock.advance(minutes=HOLD_MINUTES)
    for n in range(3):
        join(database, wish(f"small-{n}"), Tier.ENTERPRISE)
    dispatcher_on(database).nudge()
    assert database.call("SELECT held_for IS NOT NULL FROM devices WHERE id = 'big-0000'", {})

    with pytest.raises(NoAvailableDevices):
        allocator_on(database).allocate(request("newcomer"))
    free_and_serve(database, "big-0000")

    assert served_by(database) == ["big"]
    assert database.call("SELECT count(held_for) FROM devices", {}) == 0


def test_without_a_hold_the_small_ones_ahead_take_the_big_device(database: Database) -> None:
    add_devices(database, 1, **BIG)
    lend_all(database, 1)
    join(database, wish("big", min_cpu=8), Tier.FREE)
    join(database, wish("small"), Tier.ENTERPRISE)

    dispatcher_on(database).nudge()
    free_and_serve(database, "big-0000")

    assert served_by(database) == ["small"]


def test_a_hold_never_overtakes_who_has_no_other_kind_of_device_to_go_to(database: Database, clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    join(database, wish("aged"))
    clock.advance(minutes=HOLD_MINUTES)
    dispatcher_on(database).nudge()
    assert database.call("SELECT count(held_for) FROM devices", {}) == 1
    join(database, wish("ahead"), Tier.ENTERPRISE)

    free_and_serve(database, device, 2)

    assert served_by(database) == ["ahead", "aged"]


@pytest.mark.parametrize("how", ["cancelled", "expired", "out of service"])
def test_a_device_is_held_no_longer_than_it_is_of_use(database: Database, clock: Clock, how: str) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1, minutes=240)
    entry = join(database, wish("aged", max_wait=60))
    clock.advance(minutes=HOLD_MINUTES)
    dispatcher_on(database).nudge()
    assert audited(database) == {}
    assert database.call("SELECT held_for::text FROM devices", {}) == entry

    if how == "cancelled":
        PostgresQueue(database).cancel(entry, None, None, None)
    elif how == "expired":
        clock.advance(minutes=60)
        line_on(database).expire()
    else:
        PostgresDevices(database).change(device, {"status": "error"})
        PostgresQueue(database).drop_holds(10)

    assert database.call("SELECT count(held_for) FROM devices", {}) == 0
    assert_ledger_agrees(database)


def test_a_held_device_is_one_that_comes_back_in_time(database: Database, clock: Clock) -> None:
    add_devices(database, 2)
    lend_all(database, 2)
    database.call(
        "UPDATE devices SET next_reserved_at = busy_until + interval '20 minutes' WHERE id = 'phone-0000'", {}
    )
    join(database, wish("aged"))
    clock.advance(minutes=HOLD_MINUTES)

    assert PostgresQueue(database).hold(HOLD_MINUTES)["deviceId"] == "phone-0001"


def test_ended_waits_are_deleted_after_thirty_days(database: Database, clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    lend_all(database, 1)
    join(database, wish("alice"))
    free_and_serve(database, device)
    join(database, wish("bob"))
    clock.advance(days=29)
    PostgresUpkeep(database).delete_spent(10)
    assert states(database) == {"alice": "fulfilled", "bob": "waiting"}

    clock.advance(days=2)
    PostgresUpkeep(database).delete_spent(10)

    assert states(database) == {"bob": "waiting"}


def test_pages_are_newest_first_with_places_in_line(database: Database) -> None:
    add_devices(database, 1)
    lend_all(database, 1)
    join(database, wish("a"))
    join(database, wish("b"), Tier.PRO)

    found = PostgresQueue(database).page(QueueFilter("acme"))

    assert [(entry.user.user_id, entry.position, entry.wants) for entry in found] == [
        ("b", 1, DeviceWants()),
        ("a", 2, DeviceWants()),
    ]
