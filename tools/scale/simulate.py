"""The simulation: cores that serve statements in turn, and a fleet whose devices are lent for a while."""

import heapq
import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

from tools.scale.layout import Spread, Way, devices_by_shard


@dataclass(frozen=True, slots=True)
class Served:
    """What became of statements: how many a second were done, seconds from asking to answer, the largest queue."""

    per_second: float
    mean: float
    p50: float
    p99: float
    longest_queue: int


@dataclass(frozen=True, slots=True)
class Lent:
    """What became of a fleet: the share of requests refused, and of those refused while a device was free elsewhere.

    `stranded` is how many devices were free on other shards when one refused, on average over the refusals.
    """

    refused: float
    needlessly: float
    stranded: float
    spilled: float


def serve(
    spread: Spread, rate: float, service: Callable[[random.Random], float], cores: int, count: int, seed: int
) -> Served:
    """Serve `count` statements that come by chance, `rate` a second in all; each shard has `cores` and one line.

    The first fifth only fills the queues, and is left out.
    """
    drawn = random.Random(seed)
    shards = list(accumulate(spread.loads()))
    free = [[0.0] * cores for _ in shards]
    ends: list[list[float]] = [[] for _ in shards]
    now, began, longest, times, done_at = 0.0, 0.0, 0, [], []
    for number in range(count):
        now += drawn.expovariate(rate)
        shard = min(bisect(shards, drawn.random()), len(shards) - 1)
        begins = max(now, heapq.heappop(free[shard]))
        end = begins + service(drawn)
        heapq.heappush(free[shard], end)
        heapq.heappush(ends[shard], end)
        while ends[shard][0] <= now:
            heapq.heappop(ends[shard])
        longest = max(longest, len(ends[shard]))
        done_at.append(end)
        if number == count // 5:
            began = now
        if number >= count // 5:
            times.append(end - now)
    within = sum(began < end <= now for end in done_at)
    ordered = sorted(times)
    return Served(within / (now - began), sum(times) / len(times), _at(ordered, 0.5), _at(ordered, 0.99), longest)


def lend(
    spread: Spread,
    rate: float,
    hold: float,
    devices: int,
    count: int,
    seed: int,
    *,
    evenly: bool = False,
    spill: float = 0.0,
) -> Lent:
    """Have `count` requests come, `rate` a second in all, for devices that are held `hold` seconds on average.

    A request goes to its tenant's shard (its pool's, where those are divided), and finds a device there or is refused;
    `spill` is the share of requests for which another pool would do too: they ask the fullest of the others.
    """
    drawn = random.Random(seed)
    cumulated = list(accumulate(spread.loads()))
    free = devices_by_shard(spread, devices, evenly=evenly)
    ends: list[tuple[float, int]] = []
    now, asked, refused, needlessly, stranded, spilled = 0.0, 0, 0, 0, 0, 0
    for number in range(count):
        now += drawn.expovariate(rate)
        while ends and ends[0][0] <= now:
            free[heapq.heappop(ends)[1]] += 1
        shard = min(bisect(cumulated, drawn.random()), len(cumulated) - 1)
        elsewhere = max(range(len(free)), key=free.__getitem__)
        counts = number >= count // 5
        if not free[shard] and spread.way is Way.POOL and free[elsewhere] and drawn.random() < spill:
            shard = elsewhere
            spilled += counts
        asked += counts
        if free[shard]:
            free[shard] -= 1
            heapq.heappush(ends, (now + drawn.expovariate(1 / hold), shard))
        elif counts:
            refused += 1
            needlessly += free[elsewhere] > 0
            stranded += sum(free)
    return Lent(refused / asked, needlessly / asked, stranded / max(refused, 1), spilled / asked)


def exponential(mean: float) -> Callable[[random.Random], float]:
    """Times of service that vary as those of M/M/c do."""
    return lambda drawn: drawn.expovariate(1 / mean)


def measured(mean: float, spread: float) -> Callable[[random.Random], float]:
    """Times that vary as far as was measured: a fixed part and, for `spread` of the mean, an exponential one."""
    return lambda drawn: mean * (1 - spread) + (drawn.expovariate(1 / (mean * spread)) if spread else 0.0)


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[ceil(share * len(ordered)) - 1]
