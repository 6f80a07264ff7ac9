"""Reads who came when from a CSV: the form of docs/simulator.md, or the columns of a cluster trace of pods."""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.plans import BUILT_IN_PLANS
from tools.simulate.demand import MINUTE, Ahead, Arrival

LONGEST_MINUTES = 1440
"""The most that one allocation may be asked for; what lasted longer is played as long."""
LONGEST_WAIT_MINUTES = 120
SHORTEST_WINDOW_MINUTES = 15
OWN = {"at_seconds", "use_seconds"}
OPTIONAL = {"minutes", "tenant", "user", "plan", "min_cpu", "min_memory_mb", "max_wait_minutes", "ahead_minutes"}
COLUMNS = ("at_seconds", "use_seconds", "minutes", "tenant", "user", "plan", "min_cpu", "min_memory_mb")
"""Of a trace that is written here."""
PODS = {"cpu_milli", "memory_mib", "qos", "creation_time", "scheduled_time", "deletion_time"}
PLAN_OF_QOS = {"LS": "pro", "BE": "free", "Burstable": "basic", "Guaranteed": "enterprise"}
CORES_OF_A_PHONE_CORE, MB_OF_A_PHONE_MB = 4, 8
LARGEST_CORES, LARGEST_MB = 16, 32768
REQUESTS_A_USER = 4
USUAL_SECONDS = 600.0

type Row = Mapping[str, str]
type Reading = Callable[[Row, Random, int], Arrival]


class TraceError(Exception):
    """The file is no such trace; says which line is wrong."""


def read(path: Path, seed: int) -> Sequence[Arrival]:
    """Read arrivals in the order of their time, the first at 0. What the trace does not tell is drawn from the seed.

    Raises:
        TraceError: The file is missing, or is not in one of the two forms.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            columns, numbered = set(rows.fieldnames or ()), [(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path} cannot be read: {error}") from error
    if not numbered:
        raise TraceError(f"{path} has no rows")
    draw, reading = Random(f"{seed} trace"), _reading(columns, numbered, path)
    found = sorted(_arrivals(numbered, reading, draw, path), key=lambda wish: wish.at)
    return _from_zero(found)


def _reading(columns: set[str], numbered: Sequence[tuple[int, Row]], path: Path) -> Reading:
    if columns >= PODS:
        usual = median(_times_held(numbered, path) or [USUAL_SECONDS])
        return lambda row, draw, users: _pod(row, draw, users, usual)
    if columns >= OWN and not (unknown := columns - OWN - OPTIONAL):
        return _own
    if columns >= OWN:
        raise TraceError(f"{path}, line 1: unknown columns {', '.join(sorted(map(str, unknown)))}")
    raise TraceError(f"{path}, line 1: needs the columns {', '.join(sorted(OWN))}, or {', '.join(sorted(PODS))}")


def _arrivals(numbered: Sequence[tuple[int, Row]], reading: Reading, draw: Random, path: Path) -> Iterator[Arrival]:
    users = max(len(numbered) // REQUESTS_A_USER, 20)
    for line, row in numbered:
        yield _at_line(path, line, partial(reading, row, draw, users))


def _own(row: Row, draw: Random, users: int) -> Arrival:
    use = _number(row, "use_seconds", least=1)
    plan = row.get("plan") or "pro"
    if plan not in BUILT_IN_PLANS:
        raise ValueError(f"plan is {plan!r}; there are {', '.join(BUILT_IN_PLANS)}")
    minutes = _number(row, "minutes", least=1) if row.get("minutes") else math.ceil(use / MINUTE)
    name = row.get("user") or f"{plan}-{draw.randrange(users)}"
    wait = _number(row, "max_wait_minutes", least=1) if row.get("max_wait_minutes") else LONGEST_WAIT_MINUTES
    ahead = Ahead(_number(row, "ahead_minutes", least=1) * MINUTE) if row.get("ahead_minutes") else None
    if ahead and minutes < SHORTEST_WINDOW_MINUTES:
        raise ValueError(f"minutes is {minutes:g}; what is booked ahead lasts at least {SHORTEST_WINDOW_MINUTES}")
    return Arrival(
        at=_number(row, "at_seconds", least=0),
        user=User(row.get("tenant") or "acme", name),
        plan=plan,
        minutes=min(int(minutes), LONGEST_MINUTES),
        wants=DeviceWants(min_cpu=_size(row, "min_cpu"), min_memory_mb=_size(row, "min_memory_mb")),
        luck=draw.expovariate(1),
        use_seconds=use,
        max_wait_minutes=int(wait),
        ahead=ahead,
    )


def _pod(row: Row, draw: Random, users: int, usual: float) -> Arrival:
    """A pod that was never scheduled held nothing: it asks for as long as is usual."""
    use = max(_held(row) if row["scheduled_time"] else usual, 1.0)
    plan = PLAN_OF_QOS.get(row["qos"], "free")
    cores = min(math.ceil(_number(row, "cpu_milli", least=0) / 1000 / CORES_OF_A_PHONE_CORE), LARGEST_CORES)
    memory = min(math.ceil(_number(row, "memory_mib", least=0) / MB_OF_A_PHONE_MB), LARGEST_MB)
    return Arrival(
        at=_number(row, "creation_time", least=0),
        user=User("acme", f"{plan}-{draw.randrange(users)}"),
        plan=plan,
        minutes=min(math.ceil(use / MINUTE), LONGEST_MINUTES),
        wants=DeviceWants(min_cpu=cores or None, min_memory_mb=memory or None),
        luck=draw.expovariate(1),
        use_seconds=use,
        max_wait_minutes=LONGEST_WAIT_MINUTES,
    )


def _held(row: Row) -> float:
    return _number(row, "deletion_time", least=0) - _number(row, "scheduled_time", least=0)


def _times_held(numbered: Sequence[tuple[int, Row]], path: Path) -> Sequence[float]:
    return [_at_line(path, line, partial(_held, row)) for line, row in numbered if row["scheduled_time"]]


def _at_line[T](path: Path, line: int, read_it: Callable[[], T]) -> T:
    try:
        return read_it()
    except (ValueError, TypeError) as error:
        raise TraceError(f"{path}, line {line}: {error}") from error


def _number(row: Row, name: str, least: float) -> float:
    text = row.get(name)
    try:
        value = float(text or "")
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a number") from None
    if not least <= value < math.inf:
        raise ValueError(f"{name} is {text}; the least is {least:g}")
    return value


def _size(row: Row, name: str) -> int | None:
    return int(_number(row, name, least=1)) if row.get(name) else None


def _from_zero(found: Sequence[Arrival]) -> Sequence[Arrival]:

    first = found[0].at
    return [replace(wish, at=wish.at - first) for wish in found]
