"""Plays scenarios with many seeds, on all cores, and says what each comes to with its confidence interval."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scheduler.domain.model import User
from tools.simulate.demand import Arrival, DemandOptions, arrivals, devices_for, plans
from tools.simulate.figures import interval
from tools.simulate.placement import placement
from tools.simulate.play import Play
from tools.simulate.stage import MemoryStage, PostgresStage, Stage, fresh_database
from tools.simulate.trace import read
from tools.simulate.world import World, WorldOptions

type Result = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet under a strategy, as it is called in the report."""

    name: str
    strategy: str
    world: WorldOptions


@dataclass(frozen=True, slots=True)
class Study:
    """What is compared, and by whom all scenarios are asked alike: a pattern or a trace."""

    demand: DemandOptions | Path
    scenarios: Sequence[Scenario]
    seeds: Sequence[int]
    on_postgres: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over the seeds, and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def wishes_of(demand: DemandOptions | Path, seed: int) -> Sequence[Arrival]:
    """Draw or read who comes.

    Raises:
        TraceError: The trace cannot be read.
    """
    return read(demand, seed) if isinstance(demand, Path) else arrivals(demand, seed)


def usual_devices(demand: DemandOptions | Path) -> int:
    """Say how large a fleet suffices most of the time.

    Raises:
        TraceError: The trace cannot be read.
    """
    return devices_for(wishes_of(demand, 1))


def run(study: Study, scenario: Scenario, seed: int, tell: Callable[[float], None] = lambda _: None) -> Result:
    """Play one scenario with one seed."""
    wishes, world = wishes_of(study.demand, seed), World(scenario.world, seed)
    strategy = placement(scenario.strategy, world, seed)
    with silence(), _stage(plans(wishes), on_postgres=study.on_postgres) as stage:
        return Play(stage, world, wishes, strategy, seed).play(tell).result()


def results(study: Study, jobs: int, tell: Callable[[float], None]) -> Mapping[str, Sequence[Result]]:
    """Play all, `jobs` at a time; `tell` hears what share is done. Results stand in the order of the seeds."""
    found: dict[tuple[str, int], Result] = {}
    runs = [(scenario, seed) for scenario in study.scenarios for seed in study.seeds]
    for number, (scenario, seed, result) in enumerate(_played(study, runs, jobs, tell), 1):
        found[scenario.name, seed] = result
        tell(number / len(runs))
    return {one.name: [found[one.name, seed] for seed in study.seeds] for one in study.scenarios}


def summary(of: Sequence[Result]) -> Mapping[str, Estimate]:
    """Sum the seeds of one scenario up."""
    return {name: Estimate(*interval([result[name] for result in of])) for name in of[0]}


def differences(of: Sequence[Result], base: Sequence[Result]) -> Mapping[str, Estimate]:
    """Say what one scenario comes to less another, seed by seed: both have met the same phones and the same users."""
    less = [{name: one[name] - other[name] for name in one} for one, other in zip(of, base, strict=True)]
    return summary(less)


def jobs_here() -> int:
    """Say how many runs go at a time."""
    return os.process_cpu_count() or 1


@contextmanager
def _stage(known: Mapping[User, str], *, on_postgres: bool) -> Iterator[Stage]:
    if on_postgres:
        with fresh_database() as database:
            yield PostgresStage(database, known)
    else:
        yield MemoryStage(known)


@contextmanager
def silence() -> Iterator[None]:
    """Keep the services from logging what happens in a world that is not."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _played(
    study: Study, runs: Sequence[tuple[Scenario, int]], jobs: int, tell: Callable[[float], None]
) -> Iterator[tuple[Scenario, int, Result]]:
    if jobs == 1 or len(runs) == 1:
        for number, (scenario, seed) in enumerate(runs):
            yield scenario, seed, run(study, scenario, seed, _part(tell, number, len(runs)))
        return
    with ProcessPoolExecutor(jobs) as pool:
        coming = {pool.submit(run, study, scenario, seed): (scenario, seed) for scenario, seed in runs}
        for done in as_completed(coming):
            yield *coming[done], done.result()


def _part(tell: Callable[[float], None], number: int, of: int) -> Callable[[float], None]:
    return lambda share: tell((number + share) / of)
