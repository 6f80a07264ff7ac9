"""(c) What becomes slower as fleet and history grow: allocate, at the corners; (g) and look-ups without an index."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import cycle
from statistics import median

from benchmarks.crew import Crew, crew
from benchmarks.figures import Figure, figure, percentile
from benchmarks.lookups import lookups
from benchmarks.outcome import Outcome, Plot, Series, Table, WrongAnswer
from benchmarks.part import Part, Tell
from benchmarks.parts.cycles import run_laps
from benchmarks.populated import populated, server_on_disk
from benchmarks.requests import TENANT
from benchmarks.stage import PLAN, Place
from benchmarks.worker import Lap, work
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import AllocationRequest, DeviceWants, ReleaseRequest, User
from scheduler.domain.plans import plan_document
from tools.population import Size, occupy

MS = 1000
CLAIMING_USERS = 200
GOAL_SHARE = 0.99
_WANTS = (DeviceWants(), DeviceWants(min_cpu=2, min_memory_mb=4096))


@dataclass(frozen=True, slots=True)
class Form:
    """Corners as (devices, ended allocations, reservations), shares lent, alternating rounds, seconds of each."""

    corners: tuple[tuple[int, int, int], ...]
    shares: tuple[float, ...]
    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Laps:
    """Times of one corner in one round, in ms: allocate through the handlers, and the claim alone."""

    allocates: tuple[float, ...]
    claims: tuple[float, ...]


type Found = Mapping[tuple[int, float], Sequence[Laps]]
"""By devices and share, a round each."""


def run(_place: Place, form: Form, tell: Tell) -> Outcome:
    """Fill the corners, measure them in turn at each share; then the look-ups at the largest."""
    found: dict[tuple[int, float], list[Laps]] = {}
    with server_on_disk("growth") as server:
        urls = {}
        for devices, ended, reservations in form.corners:
            tell(f"fill {devices:,} devices, {ended:,} ended")
            size = Size(devices, ended, reservations, form.shares[0])
            urls[devices] = populated(server, f"devices_{devices}", size, lambda _step: None)
        for share in form.shares:
            tell(f"{share:.0%} lent")
            for devices, url in urls.items():
                occupy(url, Size(devices, occupied=share))
            _measure(urls, share, form, tell, found)
        tell("look-ups with and without index")
        looked_up = lookups(urls[form.corners[-1][0]], form.corners[-1][1], form.rounds)
    title = "Allocate as fleet and history grow: ms, medians of the rounds' percentiles"
    return Outcome(
        (_growth(found, form), *looked_up.figures),
        (Table(title, _HEADINGS, tuple(_rows(found, form))), *looked_up.tables),
        (_plot(found, form),),
    )


def _measure(
    urls: Mapping[int, str], share: float, form: Form, tell: Tell, found: dict[tuple[int, float], list[Laps]]
) -> None:
    with ExitStack() as stack:
        handlers = {devices: stack.enter_context(_crew_at(url)) for devices, url in urls.items()}
        claimers = {devices: stack.enter_context(closing(Claimer(url))) for devices, url in urls.items()}
        for claimer in claimers.values():
            claimer.lap(form.seconds / 2)
        for number in range(1, form.rounds + 1):
            tell(f"{share:.0%} lent, round {number}")
            for devices in urls:
                (lap,), _ = run_laps(handlers[devices], form.seconds)
                allocates = tuple(MS * seconds for seconds in lap.allocates)
                laps = Laps(allocates, tuple(claimers[devices].lap(form.seconds / 2)))
                found.setdefault((devices, share), []).append(laps)


@contextmanager
def _crew_at(url: str) -> Iterator[Crew[Lap]]:
    os.environ["DATABASE_URL"] = url
    with crew(1, work) as running:
        yield running


class Claimer:
    """Claims and releases through the adapter alone, for some hundred users, two devices at a time."""

    def __init__(self, url: str) -> None:
        """Connect late."""
        self._database = Database(lambda: url)
        self._allocations = PostgresAllocations(self._database)
        self._document = plan_document(PLAN)
        self._asks = cycle(
            AllocationRequest(User(TENANT, f"claimer-{n}"), 60, _WANTS[n % len(_WANTS)]) for n in range(CLAIMING_USERS)
        )

    def lap(self, seconds: float) -> list[float]:
        """Run for some time; give the time of each claim in ms.

        Raises:
            WrongAnswer: One was not granted.
        """
        times, held = list[float](), list[str]()
        until = time.monotonic() + seconds
        while time.monotonic() < until or held:
            if time.monotonic() < until:
                ask, started = next(self._asks), time.perf_counter()
                facts = self._allocations.claim(ask, self._document.terms_for(ask.wants), last_attempt=True)
                times.append(MS * (time.perf_counter() - started))
                if facts["outcome"] != "granted":
                    raise WrongAnswer(f"a claim was answered by {facts['outcome']}")
                held.append(facts["deviceId"])
            if len(held) > 1 or time.monotonic() >= until:
                self._allocations.release(ReleaseRequest(TENANT, None, held.pop(0)))
        return times

    def close(self) -> None:
        """Hang up."""
        self._database.close()


_HEADINGS = (
    "devices, ended, reserved",
    "lent",
    "allocate p50",
    "p95",
    "claim p50",
    "p95",
    "allocate ÷ smallest",
    "claim ÷",
)


def _rows(found: Found, form: Form) -> Iterator[tuple[str, ...]]:
    for share in form.shares:
        for devices, ended, reservations in form.corners:
            laps, least = found[devices, share], found[form.corners[0][0], share]
            yield (
                f"{devices:,}, {ended:,}, {reservations:,}",
                f"{share:.0%}",
                *(
                    f"{median(percentile(times(lap), part) for lap in laps):.2f}"
                    for times in (_allocates, _claims)
                    for part in (0.5, 0.95)
                ),
                *(f"{median(_ratios(laps, least, times)):.2f}" for times in (_allocates, _claims)),
            )


def _allocates(laps: Laps) -> Sequence[float]:
    return laps.allocates


def _claims(laps: Laps) -> Sequence[float]:
    return laps.claims


def _ratios(
    laps: Sequence[Laps], least: Sequence[Laps], times: Callable[[Laps], Sequence[float]] = _allocates
) -> list[float]:
    return [
        percentile(times(large), 0.5) / percentile(times(small), 0.5) for large, small in zip(laps, least, strict=True)
    ]


def _growth(found: Found, form: Form) -> Figure:
    (devices, ended, _), (least, *_) = form.corners[-1], form.corners[0]
    ratios = _ratios(found[devices, GOAL_SHARE], found[least, GOAL_SHARE])
    name = f"p50 of allocate, {devices:,} devices {GOAL_SHARE:.0%} lent with {ended:,} ended ÷ {least:,} devices"
    detail = f"median of {len(ratios)} alternating rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
    return figure(name, median(ratios), "<= 1.25", detail)


def _plot(found: Found, form: Form) -> Plot:
    fleets = tuple(devices for devices, *_ in form.corners)
    series = tuple(
        Series(
            f"{what}, {share:.0%} lent",
            fleets,
            tuple(median(percentile(times(lap), 0.5) for lap in found[devices, share]) for devices in fleets),
        )
        for share in form.shares
        for what, times in (("allocate", _allocates), ("claim alone", _claims))
    )
    return Plot("growth", "p50 as fleet and history grow", "devices", "ms", series, x_scale="log")


PART = Part(
    name="growth",
    title="Growth",
    quick=Form(((1_000, 0, 0), (100_000, 1_000_000, 10_000)), shares=(0.5, 0.99), rounds=3, seconds=2),
    full=Form(
        ((1_000, 0, 0), (100_000, 1_000_000, 10_000), (1_000_000, 10_000_000, 100_000)),
        shares=(0.5, 0.99),
        rounds=5,
        seconds=8,
    ),
    steps=lambda form: len(form.corners) + len(form.shares) * (1 + form.rounds) + 1,
    run=run,
)
