"""(p) Where the time of a warm allocate and of a warm release goes, one at a time on an idle stage."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import PurePath

import redis

from benchmarks.crew import crew
from benchmarks.environment import as_environment
from benchmarks.figures import figure
from benchmarks.ledger import check_ledger
from benchmarks.outcome import Outcome, Plot, Series, Table
from benchmarks.part import Part, Tell
from benchmarks.requests import ALLOCATE, RELEASE, Context, allocate_body, post, release_body
from benchmarks.sampling import OTHER, RULES, Frame, Sampler, Samples
from benchmarks.stage import Place
from benchmarks.worker import call

MS = 1000
PARTS = (*dict.fromkeys(part for part, *_ in RULES), OTHER)
_USERS = 16
_WARM_UP = 4 * _USERS
_REDIS_TRIPS = 2
_SHOWN_FUNCTIONS = 12


@dataclass(frozen=True, slots=True)
class Form:
    """Cycles that are counted without, and then with samples taken."""

    cycles: int


@dataclass(slots=True)
class Request:
    """One kind of request: mean ms without sampling, round trips of each to Postgres and to Redis, samples."""

    name: str
    mean_ms: float = 0.0
    postgres: float = 0.0
    redis: float = 0.0
    samples: Samples = field(default_factory=Samples)

    def ms_of(self, part: str) -> float:
        """Give a part's share of the samples, as ms."""
        return self.mean_ms * self.samples.parts[part] / max(self.samples.parts.total(), 1)


type Around = Callable[[Request], AbstractContextManager[None]]


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Profile in a process of its own; the ledger is checked last."""
    tell("warm")
    with crew(1, profile, place.cache_url) as running:
        tell(f"{form.cycles} cycles without and with samples")
        ((cycles, requests),) = running.tell_all(form, 600)
    check_ledger(place.database_url, cycles)
    return outcome_of(requests)


def profile(orders: Connection, number: int, cache_url: str) -> None:  # noqa: ARG001
    """Be one environment: time cycles, count round trips, take samples; answer with all cycles and what was found."""
    with as_environment(orders):
        profiled = _Profiled(cache_url)
        profiled.cycles(_WARM_UP)
        orders.send(0)
        form: Form = orders.recv()
        profiled.time(form.cycles)
        profiled.count()
        profiled.sample(form.cycles)
        orders.send((_WARM_UP + _USERS + 2 * form.cycles, profiled.requests))


class _Profiled:
    """The two handlers, and what happens around each call of one."""

    def __init__(self, cache_url: str) -> None:
        from scheduler.runtime import database
        from tools.handlers import load_function

        self._handlers = [load_function("allocate").handler, load_function("release").handler]
        self._database, self._cache = database(), redis.Redis.from_url(cache_url)
        self.requests = [Request("allocate"), Request("release")]

    def cycles(self, cycles: int, around: Around = lambda _: nullcontext()) -> None:
        """Allocate and release for users in turn, each call within a context of its request."""
        allocating, releasing = self.requests
        for number in range(cycles):
            user = f"user-{number % _USERS}"
            ask = post(ALLOCATE, allocate_body(user))
            with around(allocating):
                granted = call(self._handlers[0], ask, Context(), 201)
            giving_back = post(RELEASE, release_body(user, granted["deviceId"]))
            with around(releasing):
                call(self._handlers[1], giving_back, Context(), 200)

    def time(self, cycles: int) -> None:
        """Find the mean ms of each request."""

        @contextmanager
        def timed(request: Request) -> Iterator[None]:
            started = time.perf_counter()
            yield
            request.mean_ms += MS * (time.perf_counter() - started) / cycles

        self.cycles(cycles, timed)

    def count(self) -> None:
        """Find the round trips of each request: statements sent to Postgres, reads that the Redis server did."""

        @contextmanager
        def counted(request: Request) -> Iterator[None]:
            statements, reads = self._database.round_trips, self._reads()
            yield
            request.postgres += (self._database.round_trips - statements) / _USERS
            request.redis += (self._reads() - reads - 1) / _USERS  # asking for them is one

        self.cycles(_USERS, counted)

    def sample(self, cycles: int) -> None:
        """Find out where the time goes."""
        sampler = Sampler()

        @contextmanager
        def sampled(request: Request) -> Iterator[None]:
            sampler.into = request.samples
            yield
            sampler.into = None

        with sampler.ticking():
            self.cycles(cycles, sampled)

    def _reads(self) -> int:
        return int(self._cache.info("stats")["total_reads_processed"])


def outcome_of(requests: Sequence[Request]) -> Outcome:
    """Give shares of the samples as ms of the time that was measured without them."""
    allocating = requests[0]
    figures = [
        figure(f"round trips of a warm {one.name} to {server}", trips, goal)
        for one in requests
        for server, trips, goal in (
            ("Postgres", one.postgres, "== 1"),
            ("Redis", one.redis, f"<= {_REDIS_TRIPS}" if one is allocating else None),
        )
    ]
    figures += [figure(f"warm {one.name}, one at a time, ms", one.mean_ms, detail="mean") for one in requests]
    figures += [
        figure(f"{part} in a warm {one.name}, ms", one.ms_of(part))
        for one in requests
        for part in PARTS
        if one.ms_of(part)
    ]
    return Outcome(tuple(figures), (_parts_table(requests), _functions_table(allocating)), (_plot(requests),))


def _parts_table(requests: Sequence[Request]) -> Table:
    headings = ("part", *(f"{one.name}: {what}" for one in requests for what in ("ms", "share")))
    rows = [(part, *(cell for one in requests for cell in _cells(one.ms_of(part), one.mean_ms))) for part in PARTS]
    rows.append(("all", *(cell for one in requests for cell in _cells(one.mean_ms, one.mean_ms))))
    return Table("Where the time of a warm request goes", headings, tuple(rows))


def _cells(ms: float, all_ms: float) -> tuple[str, str]:
    return f"{ms:.3f}", f"{100 * ms / all_ms:.0f} %"


def _functions_table(request: Request) -> Table:
    total = request.samples.functions.total()
    rows = tuple(
        (_short(frame), f"{count / total * request.mean_ms:.3f}", f"{100 * count / total:.1f} %")
        for frame, count in request.samples.functions.most_common(_SHOWN_FUNCTIONS)
    )
    return Table(f"Functions in which a warm {request.name} is most", ("function", "own ms", "share"), rows)


def _short(frame: Frame) -> str:
    file, function = frame
    return f"{'/'.join(PurePath(file).parts[-2:])} {function}"


def _plot(requests: Sequence[Request]) -> Plot:
    names = tuple(one.name for one in requests)
    return Plot(
        "profile",
        "Where the time of a warm request goes",
        "",
        "ms",
        tuple(Series(part, names, tuple(one.ms_of(part) for one in requests)) for part in PARTS),
        kind="bars",
        stacked=True,
    )


PART = Part(
    name="profile",
    title="Where the time goes",
    quick=Form(cycles=1500),
    full=Form(cycles=20_000),
    steps=lambda form: 2,  # noqa: ARG005
    run=run,
)
