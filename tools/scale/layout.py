"""Who is served where: one database, tenants or pools spread over shards, cells behind a router."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tools.scale.formulas import zipf


class Way(StrEnum):
    """How the fleet and its users are divided."""

    ONE = "one database"
    TENANT = "shards by tenant"
    POOL = "shards by pool"
    CELL = "cells"


@dataclass(frozen=True, slots=True)
class Spread:
    """Tenants and pools over shards.

    `homes` has, for each tenant (each pool, where those are divided), its shard; `shares` its part of the demand.
    """

    way: Way
    shards: int
    homes: Sequence[int]
    shares: Sequence[float]

    def loads(self) -> list[float]:
        """Give each shard's share of the demand."""
        loads = [0.0] * self.shards
        for home, share in zip(self.homes, self.shares, strict=True):
            loads[home] += share
        return loads

    @property
    def hottest(self) -> float:
        """The share of the shard that has most: it decides how much all can take."""
        return max(self.loads())


def spread(way: Way, shards: int, tenants: int, skew: float, seed: int) -> Spread:
    """Divide: tenants to a shard by hash, pools evenly, cells by a router that puts the next tenant where least is."""
    shares = zipf(tenants, skew)
    if way is Way.ONE:
        return Spread(way, 1, [0] * tenants, shares)
    if way is Way.POOL:
        return Spread(way, shards, list(range(shards)), [1 / shards] * shards)
    if way is Way.TENANT:
        drawn = random.Random(seed)
        return Spread(way, shards, [drawn.randrange(shards) for _ in shares], shares)
    return Spread(way, shards, _balanced(shares, shards), shares)


def _balanced(shares: Sequence[float], shards: int) -> list[int]:
    """The largest first, each to the cell with least."""
    loads, homes = [0.0] * shards, []
    for share in shares:  # sorted already
        home = loads.index(min(loads))
        loads[home] += share
        homes.append(home)
    return homes


def devices_by_shard(spread: Spread, devices: int, *, evenly: bool) -> list[int]:
    """Divide a fleet: evenly, or by each shard's share of the demand, as if that were known; the last gets the rest."""
    loads = [1 / spread.shards] * spread.shards if evenly else spread.loads()
    counts = [int(devices * load) for load in loads]
    counts[-1] += devices - sum(counts)
    return counts
