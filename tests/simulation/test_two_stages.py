"""A small day on the stores in memory and on Postgres: the same grants, of the same devices, at the same instants."""

from dataclasses import replace

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import Strategy
from tools.simulate.demand import DemandOptions, arrivals, plans
from tools.simulate.measures import ALL
from tools.simulate.placement import placement, score_of_today
from tools.simulate.play import Play
from tools.simulate.stage import MemoryStage, PostgresStage, Stage
from tools.simulate.world import World, WorldOptions

SEED = 7
DAY = DemandOptions(requests=110, days=0.4, pattern="bursty", users=40)
"""More than the phones can serve: some wait, some in vain, some get one held."""
HAPPENS = ("joined", "waited in vain", "left the line", "failures", "came again", "renewed", "quota_exceeded")
BOOKED_DAY = replace(DAY, requests=260, reservations=0.5)
BECOMES = ("found nothing", "refused", "booked", "cancelled", "begun", "moved", "failed", "unclaimed")
FLEET = WorldOptions(devices=12)


def played(stage: Stage, strategy: str, day: DemandOptions = DAY) -> Play:
    """Play the day to its end."""
    world = World(FLEET, SEED)
    play = Play(stage, world, arrivals(day, SEED), placement(strategy, world, SEED), SEED)
    play.play()
    return play


@pytest.mark.parametrize("strategy", ["oracle", "random"])
def test_postgres_and_the_stores_in_memory_lend_alike(database: Database, strategy: str) -> None:
    """With scores of which no two are equal, since among equals of a class Postgres may lend any."""
    known = plans(arrivals(DAY, SEED))

    in_memory = played(MemoryStage(known), strategy)
    in_postgres = played(PostgresStage(database, known), strategy)

    assert in_memory.grants == in_postgres.grants
    assert in_memory.measures.result() == in_postgres.measures.result()
    counts = in_memory.measures.counts
    assert counts == in_postgres.measures.counts
    assert [what for what in HAPPENS if not counts[what]] == [], "the day has too little in it"


def test_postgres_and_the_stores_in_memory_keep_the_same_promises(database: Database) -> None:
    known = plans(arrivals(BOOKED_DAY, SEED))

    in_memory = played(MemoryStage(known), "random", BOOKED_DAY)
    in_postgres = played(PostgresStage(database, known), "random", BOOKED_DAY)

    assert in_memory.grants == in_postgres.grants
    assert in_memory.measures.result() == in_postgres.measures.result()
    assert in_memory.measures.counts == in_postgres.measures.counts
    promises = in_memory.measures.promises.counts
    assert promises == in_postgres.measures.promises.counts
    assert [what for what in BECOMES if not promises[what, ALL]] == [], "the day has too little in it"


@pytest.mark.parametrize("strategy", [each for each in Strategy if each is not Strategy.SMART])
def test_the_strategies_of_today_score_as_the_database_does(database: Database, strategy: Strategy) -> None:
    phones = list(World(WorldOptions(devices=60), SEED).phones.values())
    for number, phone in enumerate(phones):
        phone.lent_at = number * 1000.0 or None

    in_postgres = [
        database.call(
            "SELECT placement_score(%(name)s, %(cpu)s, %(memory)s, 65536, %(cpu_usage)s::real, %(memory_usage)s::real,"
            " %(storage_usage)s::real, to_timestamp(%(lent_at)s))",
            {
                "name": strategy,
                "cpu": phone.cpu_cores,
                "memory": phone.memory_mb,
                "cpu_usage": phone.cpu_usage,
                "memory_usage": phone.memory_usage,
                "storage_usage": phone.storage_usage,
                "lent_at": phone.lent_at,
            },
        )
        for phone in phones
    ]

    assert [score_of_today(strategy, phone) for phone in phones] == pytest.approx(in_postgres)
