"""The model of many databases agrees with the formulas there are, and divides as it says."""

import json
import random

import pytest

from scheduler.service.relay import AT_ONCE
from tools.cost.model import read
from tools.scale import study
from tools.scale.__main__ import HERE, MEASURED
from tools.scale.formulas import (
    closed_rate,
    connections_in_use,
    erlang_b,
    erlang_c,
    mean_seconds,
    wait_at,
    waits_longer,
    zipf,
)
from tools.scale.layout import Spread, Way, devices_by_shard, spread
from tools.scale.page import PAGE
from tools.scale.simulate import exponential, lend, serve


def test_one_server_is_the_queue_of_the_textbook() -> None:
    assert erlang_c(0.8, 1) == pytest.approx(0.8)
    assert mean_seconds(rate=8, service=0.1, servers=1) == pytest.approx(0.1 / (1 - 0.8))
    assert waits_longer(8, 0.1, 1, wait_at(0.99, 8, 0.1, 1)) == pytest.approx(0.01)


def test_erlangs_own_numbers_come_out() -> None:
    assert erlang_b(2, 2) == pytest.approx(0.4)
    assert erlang_b(10, 10) == pytest.approx(0.2146, abs=1e-4)
    assert erlang_c(2, 3) == pytest.approx(0.4444, abs=1e-4)


def test_more_than_it_can_do_has_no_end() -> None:
    with pytest.raises(ValueError, match="no end"):
        erlang_c(2, 2)


@pytest.mark.parametrize(("cores", "busy"), [(1, 0.7), (4, 0.8), (16, 0.9)])
def test_the_simulated_queue_agrees_with_the_formula(cores: int, busy: float) -> None:
    service = 0.01
    rate = busy * cores / service
    one = spread(Way.ONE, 1, 10, 1.0, seed=1)

    found = serve(one, rate, exponential(service), cores, 60_000, seed=3)

    assert found.mean == pytest.approx(mean_seconds(rate, service, cores), rel=0.08)
    assert found.per_second == pytest.approx(rate, rel=0.03)


def test_above_capacity_no_more_is_done_than_that() -> None:
    one = spread(Way.ONE, 1, 10, 1.0, seed=1)

    assert serve(one, 300, exponential(0.01), 2, 20_000, seed=1).per_second == pytest.approx(200, rel=0.03)


def test_the_simulated_fleet_agrees_with_the_formula() -> None:
    one = spread(Way.ONE, 1, 10, 1.0, seed=1)

    found = lend(one, rate=1.0, hold=50.0, devices=50, count=60_000, seed=2)

    assert found.refused == pytest.approx(erlang_b(50, 50), rel=0.1)
    assert (found.needlessly, found.stranded) == (0, 0)


def test_a_divided_fleet_refuses_needlessly_and_spilling_helps() -> None:
    pools = spread(Way.POOL, 4, 10, 1.0, seed=1)

    alone, spilling = (lend(pools, 1.0, 50.0, 52, 30_000, seed=2, evenly=True, spill=share) for share in (0, 1))

    assert alone.needlessly > 0.05
    assert alone.stranded > 0
    assert spilling.needlessly == 0
    assert spilling.refused < alone.refused


def test_the_hottest_shard_decides() -> None:
    halves = Spread(Way.TENANT, 2, [0, 0, 1], [0.6, 0.2, 0.2])

    assert halves.loads() == pytest.approx([0.8, 0.2])
    assert halves.hottest == pytest.approx(0.8)
    # Two cores for 100 a second of 10 ms each would do; the one of the hottest shard has 120 to do.
    assert serve(halves, 150, exponential(0.01), 1, 20_000, seed=1).per_second == pytest.approx(130, rel=0.05)


def test_the_router_of_cells_is_never_worse_than_a_hash() -> None:
    for shards in (2, 4, 8):
        by_hash, routed = (spread(way, shards, 200, 0.8, seed=5) for way in (Way.TENANT, Way.CELL))
        assert routed.hottest <= by_hash.hottest


@pytest.mark.parametrize("evenly", [True, False])
def test_no_device_is_lost_in_dividing(evenly: bool) -> None:
    drawn = random.Random(1)
    for _ in range(20):
        divided = spread(Way.TENANT, drawn.randint(1, 9), 50, drawn.random(), seed=drawn.randint(0, 99))
        assert sum(devices_by_shard(divided, 1001, evenly=evenly)) == 1001


def test_shares_add_up_and_fall() -> None:
    shares = zipf(100, 1.0)

    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(2 * shares[1])


def test_little_and_the_closed_loop() -> None:
    assert connections_in_use(rate=2000, seconds=0.025) == pytest.approx(50)
    assert closed_rate(workers=1, demand=0.002, cores=2) == pytest.approx(500)
    assert closed_rate(workers=8, demand=0.002, cores=2) == pytest.approx(1000)


def test_the_page_shows_what_was_measured_and_the_model_is_near_it_up_to_four_workers_a_core() -> None:
    costs = json.loads(MEASURED.read_text())

    for who, workers, _, own, seen in study.agreement(costs):
        assert f"| {who} | {workers} | {seen:,.0f} |" in PAGE.read_text()
        assert own == pytest.approx(seen, rel=0.25) or workers > 4 * costs["cores"]


def test_the_relay_ends_where_it_was_measured() -> None:
    costs, limits = json.loads(MEASURED.read_text()), read(HERE / "limits.toml")
    relay = costs["relay"] | {"per_second": 2000, "cpu_us": 250}

    found = {one.what: one.per_second for one in study.ceilings(costs | {"relay": relay}, limits)}

    assert relay["at_once"] == AT_ONCE, "measure it anew"
    assert relay["round_trip_ms"] == limits["sns"]["batch_ms"], "measure it anew"
    assert found[f"the relay, {AT_ONCE} batches at once"] == 1000
    assert found["the relay's processor, 1,769 MB"] == 2000
    assert found["the relay's processor, 512 MB"] == pytest.approx(2000 * 512 / 1769)


def test_the_page_shows_what_saturates_first() -> None:
    costs, limits = json.loads(MEASURED.read_text()), read(HERE / "limits.toml")

    for one in study.ceilings(costs, limits):
        assert f"| {one.what} | {one.per_second:,.0f} | {one.follows} |" in PAGE.read_text()
