"""Which free device is lent first, by strategy."""

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.domain.model import DeviceWants, Strategy
from scheduler.service.placement import Placement
from tests.support.contenders import add_devices, allocator_on, request

LOADS = {"idle-cpu": (5, 90, 90), "balanced": (40, 20, 20), "idle-disk": (50, 60, 0)}
"""Percent of cpu, memory and storage in use, by device."""


def lend(database: Database, times: int, wants: DeviceWants | None = None) -> list[str]:
    """Lend to different users; give the devices in the order lent."""
    allocate = allocator_on(database).allocate
    grants = [allocate(request(f"user-{n}", wants=wants)) for n in range(times)]
    return [grant.device_id.removesuffix("-0000") for grant in grants]


@pytest.fixture
def loaded_fleet(database: Database) -> Database:
    for name, (cpu, memory, storage) in LOADS.items():
        add_devices(database, 1, prefix=name)
        database.call(
            "INSERT INTO device_heartbeats VALUES (%(id)s, %(cpu)s, %(memory)s, %(storage)s, now())",
            {"id": f"{name}-0000", "cpu": cpu, "memory": memory, "storage": storage},
        )
    return database


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        pytest.param(Strategy.LEAST_CONNECTION, ["idle-cpu", "balanced", "idle-disk"], id="lowest cpu first"),
        pytest.param(
            Strategy.WEIGHTED_ROUND_ROBIN, ["balanced", "idle-cpu", "idle-disk"], id="lowest cpu and memory first"
        ),
        pytest.param(
            Strategy.RESOURCE_BASED, ["balanced", "idle-disk", "idle-cpu"], id="most free of cpu, memory and storage"
        ),
    ],
)
def test_by_load(loaded_fleet: Database, strategy: Strategy, order: list[str]) -> None:
    follow(loaded_fleet, strategy)

    assert lend(loaded_fleet, 3) == order


def follow(database: Database, strategy: Strategy) -> None:
    """Switch the strategy and score anew, also by the one that stands already."""
    database.call("UPDATE placement_strategy SET name = 'none'", {})
    assert Placement(PostgresStrategy(database)).choose(strategy, by="lee").rescoring.is_done


def test_round_robin_lends_the_least_recently_used(database: Database) -> None:
    add_devices(database, 1, prefix="a")
    add_devices(database, 1, prefix="b")
    add_devices(database, 1, prefix="c")
    follow(database, Strategy.ROUND_ROBIN)
    allocate = allocator_on(database).allocate
    lent = []
    for turn in range(6):
        lent.append(allocate(request(f"user-{turn}")).device_id)
        database.call("SELECT end_allocations(array_agg(id), 'released') FROM device_allocations", {})

    assert len(set(lent[:3])) == 3
    assert lent[3:] == lent[:3]


def test_best_fit_keeps_the_big_devices_free(database: Database) -> None:
    add_devices(database, 1, prefix="huge", cpu_cores=16, memory_mb=32768)
    add_devices(database, 1, prefix="large", cpu_cores=8, memory_mb=16384)
    add_devices(database, 1, prefix="small", cpu_cores=2, memory_mb=2048)
    follow(database, Strategy.BEST_FIT)

    assert lend(database, 2, DeviceWants(min_cpu=4)) == ["large", "huge"]


def test_among_equals_the_smallest_is_lent_first(database: Database) -> None:
    add_devices(database, 1, prefix="large", cpu_cores=8)
    add_devices(database, 1, prefix="small", cpu_cores=2)
    add_devices(database, 1, prefix="medium", cpu_cores=4)

    assert lend(database, 3) == ["small", "medium", "large"]


def test_a_new_strategy_scores_all_devices_however_many(database: Database) -> None:
    for prefix in range(13):
        add_devices(database, 100, prefix=f"rack-{prefix:02}", cpu_cores=2 + prefix)

    follow(database, Strategy.BEST_FIT)

    assert database.call("SELECT count(*) FROM devices WHERE placement_score >= 0", {}) == 0
