"""Who comes when, wants what, and how she behaves: drawn from a seed, independent of what the scheduler does."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.domain.model import DeviceWants, User

DAY = 86_400.0
USERS = 600
TENANT = "acme"
PLANS = {"free": 40, "basic": 30, "pro": 20, "enterprise": 10}
KINDS = {(4, 4096): 14, (8, 8192): 10, (16, 16384): 6}
"""Devices of each size: cores and MB."""
_MINUTES = {30: 15, 60: 30, 120: 25, 240: 20, 480: 10}
_WANTS = {None: 60, 8: 25, 16: 15}


@dataclass(frozen=True)
class Arrival:
    """One wish, and what its user will do."""

    at: float
    user: User
    minutes: int
    wants: DeviceWants
    max_wait_minutes: int
    gives_back_after: float | None
    """Seconds after the grant; None: she keeps it to the end."""
    renews_by: int
    """Minutes that she asks for shortly before the end; 0: none."""
    cancels_after: float | None
    """Seconds after the join at which she gives up."""


def plan_of(number: int) -> str:
    """Give the plan of a user, always the same."""
    return random.Random(number).choices(list(PLANS), list(PLANS.values()))[0]


def arrivals(seed: int, days: float, a_day: float) -> Iterator[Arrival]:
    """Draw arrivals with a daily rhythm (busiest at 15:00) and quiet weekends; day 0 is a Monday."""
    draw = random.Random(seed)
    most = a_day * 1.9 / DAY
    at = 0.0
    while (at := at + draw.expovariate(most)) < days * DAY:
        if draw.random() < _busyness(at) / 1.9:
            yield _arrival(draw, at)


def _busyness(at: float) -> float:
    weekend = 0.6 if int(at / DAY) % 7 >= 5 else 1.0
    return weekend * (1 + 0.9 * math.cos(2 * math.pi * (at / DAY - 15 / 24)))


def _arrival(draw: random.Random, at: float) -> Arrival:
    minutes = draw.choices(list(_MINUTES), list(_MINUTES.values()))[0]
    cores = draw.choices(list(_WANTS), list(_WANTS.values()))[0]
    early, renews = draw.random() < 0.4, draw.random() < 0.08
    return Arrival(
        at=at,
        user=User(TENANT, f"user-{draw.randrange(USERS)}"),
        minutes=minutes,
        wants=DeviceWants(min_cpu=cores),
        max_wait_minutes=draw.choice((60, 120, 120, 120)),
        gives_back_after=draw.uniform(0.05, 1) * minutes * 60 if early else None,
        renews_by=30 if renews and not early else 0,
        cancels_after=draw.expovariate(1 / 1800) if draw.random() < 0.05 else None,
    )
