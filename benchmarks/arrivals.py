"""Requests that arrive when they do, not when the last was answered: schedules, and latencies that omit nothing."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """When a request was begun and when it was answered, in seconds after the common start."""

    begun: float
    answered: float


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Give instants of independent arrivals, in seconds after the start; the same ones for the same seed."""
    source = random.Random(seed)
    instants: list[float] = []
    at = source.expovariate(rate)
    while at < seconds:
        instants.append(at)
        at += source.expovariate(rate)
    return instants


def latencies(arrivals: Sequence[float], served: Mapping[int, Served], cut_at: float) -> list[float]:
    """Give the seconds from each scheduled instant to its answer.

    A request that had to wait for its turn has waited, though nothing was sent for it yet (to count from the send is
    called coordinated omission). One that was not begun when the run was cut has waited until then, at least.

    Args:
        arrivals: Scheduled instants, in seconds after the start.
        served: By the number of the arrival.
        cut_at: When the run ended, in seconds after the start.
    """
    return [
        (served[number].answered if number in served else max(cut_at, scheduled)) - scheduled
        for number, scheduled in enumerate(arrivals)
    ]


def rate_kept(arrivals: Sequence[float], served: Mapping[int, Served], seconds: float) -> float:
    """Give requests answered within the window, a second; a machine that keeps up answers as many as arrive."""
    return sum(one.answered <= seconds for one in served.values()) / seconds if arrivals else 0.0
