"""What counts as a finding: server errors, traces, slow answers, memory that grows; and that all was really tried."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.fuzz.requests import Request

SLOW_SECONDS = 2.0
NOISY_SHARE = 0.5
"""A slow answer is the machine's when a request that does nothing took so large a share of its time."""
MOST_GROWTH, MOST_GROWTH_OF_ONE = 0.02, 0.10
"""Of all processes together; of one, which may be called seldom and warm up late."""
SMALL_BYTES = 4 * 1024 * 1024
WARM_UP_SHARE = 0.35
FEWEST_SAMPLES = 30
ENOUGH_REQUESTS = 4000
"""After so many every route should have been taken once."""
TRACE = re.compile(
    r"Traceback \(most recent|File \\?\"[^\"]+\\?\", line \d+|psycopg2|pydantic_core|site-packages|/var/task"
    r"|/opt/python|\bSELECT .+ FROM\b|PL/pgSQL|SQLSTATE|redis\.exceptions|botocore|object at 0x[0-9a-f]{6}"
)


@dataclass(frozen=True)
class Answered:
    """One request and what came of it; `status` 0 when there was no answer, and `body` says why."""

    request: Request
    status: int
    body: str
    began: float
    seconds: float


@dataclass(frozen=True)
class Noise:
    """A request that does nothing, sent beside the others: when it began, and how long it took, in seconds."""

    began: float
    seconds: float


@dataclass(frozen=True)
class Finding:
    """Something wrong, with the request that shows it where there is one."""

    kind: str
    text: str
    request: Request | None = None


def wrong(answer: Answered, noise: Sequence[Noise] = ()) -> Finding | None:
    """Judge one answer; None when nothing is wrong with it."""
    request = answer.request
    if answer.status == 0:
        return Finding("no answer", f"{request.operation}: {answer.body}", request)
    if answer.status >= 500 and not (request.operation.endswith("/health") and answer.status == 503):
        return Finding("server error", f"{request.operation} answered {answer.status}: {answer.body[:300]}", request)
    if TRACE.search(answer.body):
        return Finding("trace", f"{request.operation} tells of its inside: {answer.body[:300]}", request)
    if answer.seconds > SLOW_SECONDS and not _noisy(answer, noise):
        return Finding("slow", f"{request.operation} took {answer.seconds:.1f} s ({answer.status})", request)
    return None


def grown(memory: Mapping[str, Sequence[int]]) -> list[Finding]:
    """Name what went on growing after it had warmed up, all together or one; samples in bytes, evenly spaced."""
    longest = max((len(samples) for samples in memory.values()), default=0)
    if longest < FEWEST_SAMPLES:
        return []
    all_along = [samples for samples in memory.values() if len(samples) == longest]
    found = _growth("all processes", [sum(at_once) for at_once in zip(*all_along, strict=True)], MOST_GROWTH)
    for name, samples in memory.items():
        if len(samples) >= FEWEST_SAMPLES:
            found += _growth(name, samples, MOST_GROWTH_OF_ONE)
    return found


def _growth(name: str, samples: Sequence[int], most: float) -> list[Finding]:
    """Find what grows on and on: a spare process that is needed late grows once, and then no more."""
    settled = samples[int(len(samples) * WARM_UP_SHARE) :]
    third = len(settled) // 3
    early, middle, late = median(settled[:third]), median(settled[third:-third]), median(settled[-third:])
    if 2 * min(middle - early, late - middle) <= max(SMALL_BYTES, early * most):
        return []
    return [Finding("memory", f"{name} grew from {early / 2**20:.1f} to {late / 2**20:.1f} MB")]


def untried(statuses: Mapping[str, Counter[int]], operations: Sequence[str]) -> list[Finding]:
    """Name routes that were never called, or none of whose requests was ever taken: a fuzz of closed doors."""
    if sum(sum(counted.values()) for counted in statuses.values()) < ENOUGH_REQUESTS:
        return []
    return [
        Finding("untried", f"{name}: no request was ever taken; answers: {dict(statuses.get(name, {}))}")
        for name in operations
        if not any(200 <= status < 300 for status in statuses.get(name, {}))
    ]


def _noisy(answer: Answered, noise: Sequence[Noise]) -> bool:
    """Tell whether a request that does nothing, sent meanwhile, was slow as well."""
    ended = answer.began + answer.seconds
    return any(
        other.seconds > answer.seconds * NOISY_SHARE
        for other in noise
        if other.began < ended and other.began + other.seconds > answer.began
    )
