"""Which free device is lent first, by name: a strategy gives each device a score, and the highest is lent.

A strategy sees a phone's history, never its truth; the oracle alone does, as a ceiling for the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from scheduler.domain.model import Strategy, User
from tools.simulate.demand import DAY
from tools.simulate.history import Ended, Few
from tools.simulate.smart import Smart, trained, wrong
from tools.simulate.world import Phone, World

REMEMBERED_DAYS = 7
STEP = 10

type Score = Callable[[Phone, float], float]
"""How much a phone is preferred at a time, in seconds after the start."""


class Judge(Protocol):
    """What learns while a run goes on."""

    def meet(self, plans: Mapping[User, str]) -> None:
        """Hear who will come, with her plan."""

    def prefer(self, user: User, minutes: int, few: Few, at: float) -> str:
        """Choose among the best few free devices; give its id."""

    def lend(self, phone: Phone, user: User, minutes: int, at: float) -> None:
        """Hear of a grant."""

    def end(self, ended: Ended) -> None:
        """Hear how a session ended."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A strategy. `follows_time`: scores change while nothing happens to a phone, and are refreshed each half hour."""

    name: str
    score: Score
    follows_time: bool = False
    judge: Judge | None = None
    """Weighs the best few once more within a claim, and hears how sessions end."""


def placement(name: str, world: World, seed: int) -> Placement:
    """Make a strategy by its name.

    Raises:
        KeyError: There is none of this name.
    """
    return STRATEGIES[name](world, seed)


def _of_today(strategy: Strategy) -> Callable[[World, int], Placement]:
    by_load = strategy not in {Strategy.ROUND_ROBIN, Strategy.BEST_FIT}
    return lambda _world, _seed: Placement(strategy, lambda phone, _: score_of_today(strategy, phone), by_load)


def score_of_today(strategy: Strategy, phone: Phone) -> float:
    """Give the score that routines/placement_score.sql gives.

    Raises:
        ValueError: It gives none: the strategy is learned.
    """
    cpu, memory, storage = map(_step, (phone.cpu_usage, phone.memory_usage, phone.storage_usage))
    match strategy:
        case Strategy.ROUND_ROBIN:
            return -(phone.lent_at or 0.0)
        case Strategy.LEAST_CONNECTION:
            return 100 - cpu
        case Strategy.WEIGHTED_ROUND_ROBIN:
            return 100 - (cpu + memory) / 2
        case Strategy.RESOURCE_BASED:
            return 100 - (cpu + memory + storage) / 3
        case Strategy.BEST_FIT:
            return -(phone.cpu_cores / 4 + phone.memory_mb / 4096 + 1)
        case Strategy.SMART:
            raise ValueError(strategy)


def _step(usage: float) -> float:
    return round(usage / STEP) * STEP


def _random(_: World, seed: int) -> Placement:
    return Placement("random", lambda phone, at: crc32(f"{seed}|{phone.id}|{at}".encode()) / 2**32)


def _least_used(_world: World, _seed: int) -> Placement:
    return Placement("least_used", lambda phone, _: -phone.used_seconds)


def _fewest_failures(_world: World, _seed: int) -> Placement:
    def score(phone: Phone, at: float) -> float:
        while phone.failed_at and phone.failed_at[0] < at - REMEMBERED_DAYS * DAY:
            phone.failed_at.popleft()
        return -float(len(phone.failed_at))

    return Placement("fewest_failures", score, follows_time=True)


def _oracle(world: World, _seed: int) -> Placement:
    return Placement("oracle", lambda phone, at: -world.failures_an_hour(phone, at), follows_time=True)


def _resource_based(phone: Phone) -> float:
    return score_of_today(Strategy.RESOURCE_BASED, phone)


def _smart(world: World, seed: int) -> Placement:
    judge = Smart(world, seed, trained(), _resource_based)
    return Placement("smart", judge.score, follows_time=True, judge=judge)


def _wrong(*, is_followed: bool) -> Callable[[World, int], Placement]:
    def make(world: World, seed: int) -> Placement:
        judge = Smart(world, seed, wrong(), _resource_based, is_followed=is_followed)
        return Placement("smart_wrong", judge.score, follows_time=True, judge=judge)

    return make


STRATEGIES: Mapping[str, Callable[[World, int], Placement]] = {
    **{str(strategy): _of_today(strategy) for strategy in Strategy if strategy is not Strategy.SMART},
    "random": _random,
    "least_used": _least_used,
    "fewest_failures": _fewest_failures,
    "oracle": _oracle,
    "smart": _smart,
    "smart_wrong": _wrong(is_followed=True),
    "smart_wrong_on_trial": _wrong(is_followed=False),
}
