"""(e) The list of available devices: from the cache, without it, and the naive query; and how much each sends."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import psycopg2
import redis

from benchmarks.apart import apart
from benchmarks.figures import Figure, figure
from benchmarks.outcome import Outcome, Table, WrongAnswer
from benchmarks.part import Part, Tell
from benchmarks.populated import populated
from benchmarks.requests import Context, post
from benchmarks.stage import Place
from tools.population import Size

MS = 1000
ROUTE = "/scheduler/devices/available"
NAIVE = """
SELECT id, name, status, cpu_cores, memory_mb, storage_mb FROM devices d
 WHERE status = 'running' AND NOT EXISTS (
    SELECT FROM device_allocations a WHERE a.device_id = d.id AND a.status = 'allocated')"""
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Form:
    """Devices of the fleet, half of them lent; alternating rounds."""

    devices: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Lap:
    """Times of one round in ms, and bytes sent: warm, cold, naive."""

    ms: tuple[float, float, float]
    sent: tuple[int, int, int]


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Fill a fleet, then ask for the list in the three ways, in turn."""
    tell("fill")
    url = populated(place.server, "available", Size(form.devices, form.devices, occupied=0.5), lambda _step: None)
    os.environ["DATABASE_URL"] = url
    tell("ask in turn")
    try:
        laps = apart(_measure, url, place.cache_url, form.rounds)
    finally:
        place.server.drop_database("available")
    names = ("warm", "cold", "naive")
    rows = tuple(
        (name, f"{median(lap.ms[place] for lap in laps):.2f}", f"{laps[0].sent[place] / 1000:,.1f}")
        for place, name in enumerate(names)
    )
    table = Table(f"Available devices of {form.devices:,}, half of them lent", ("way", "ms", "kB"), rows)
    return Outcome(
        (_against_naive("warm", 0, laps, "<= 0.05", form), _against_naive("cold", 1, laps, "<= 0.10", form)), (table,)
    )


def _against_naive(name: str, place: int, laps: list[Lap], goal: str, form: Form) -> Figure:
    ratios = [lap.ms[place] / lap.ms[2] for lap in laps]
    detail = f"median of {len(ratios)} alternating rounds: {', '.join(f'{ratio:.3f}' for ratio in ratios)}"
    return figure(f"available: {name} ÷ naive query, {form.devices:,} devices", median(ratios), goal, detail)


def _measure(url: str, cache_url: str, rounds: int) -> list[Lap]:
    from tools.handlers import load_function

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    handler, cache = load_function("query").handler, redis.Redis.from_url(cache_url)
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        laps = list(_laps(handler, cache, connection.cursor(), rounds + 1))
    return laps[1:]  # the first warms


def _laps(handler: Any, cache: Any, cursor: Any, rounds: int) -> Iterator[Lap]:
    for _ in range(rounds):
        cold, cold_bytes = _median(cache.flushall, lambda: _ask(handler))
        _ask(handler)
        warm, warm_bytes = _median(lambda: None, lambda: _ask(handler))
        naive, naive_bytes = _median(lambda: None, lambda: _naive(cursor), tries=5)
        yield Lap((warm, cold, naive), (warm_bytes, cold_bytes, naive_bytes))


def _median(before: Any, ask: Any, tries: int = _TRIES) -> tuple[float, int]:
    times = []
    for _ in range(tries):
        before()
        started = perf_counter()
        answer = ask()
        times.append(MS * (perf_counter() - started))
    return median(times), len(answer if isinstance(answer, str) else json.dumps(answer))


def _ask(handler: Any) -> str:
    event = post(ROUTE, {})
    event["requestContext"]["http"]["method"], event["routeKey"] = "GET", f"GET {ROUTE}"
    del event["body"]
    answer = handler(event, Context())
    if answer["statusCode"] != 200:
        raise WrongAnswer(f"the list was answered by {answer['statusCode']}: {answer['body']}")
    body: str = answer["body"]
    return body


def _naive(cursor: Any) -> list[tuple[Any, ...]]:
    cursor.execute(NAIVE)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


PART = Part(
    name="available",
    title="Available devices",
    quick=Form(devices=100_000, rounds=3),
    full=Form(devices=100_000, rounds=5),
    steps=lambda _form: 2,
    run=run,
)
