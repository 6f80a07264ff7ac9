"""(h) What the user lock costs: alone, as a share of the claim; and with everybody asking for one user."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from multiprocessing.connection import Connection
from statistics import median

import msgspec

from benchmarks.crew import crew
from benchmarks.environment import as_environment
from benchmarks.figures import Figure, figure, percentile
from benchmarks.ledger import check_ledger
from benchmarks.outcome import Outcome, Table, WrongAnswer
from benchmarks.part import Part, Tell
from benchmarks.requests import ALLOCATE, CLAIMS, RELEASE, Context, allocate_body, post, release_body
from benchmarks.stage import PLAN, Place
from benchmarks.worker import Handler, Order, call, order
from scheduler.domain.model import Allocation, User
from scheduler.domain.quota import QuotaDocument

MS = 1000
_ONE, _ALONE = "user-of-all", "user-alone"
_POLITE = frozenset({"user_busy"})
_WARM_UP = 200
_ALONE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Form:
    """Alternating rounds and claims in each half of one; workers on one user, and for how many seconds."""

    rounds: int
    claims: int
    workers: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Medians of one round in ms: the use case behind the lock, and behind an open gate."""

    locked: float
    open: float

    @property
    def share(self) -> float:
        """What the lock adds, of what the claim takes without it."""
        return (self.locked - self.open) / self.open


@dataclass(slots=True)
class Turns:
    """What one worker met: seconds of each granted request, refusals by code."""

    granted: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Measure both; the ledger is checked last."""
    tell("uncontended, with and without the lock")
    with crew(1, claim_alone) as running:
        rounds: list[Claims] = running.tell_all(form, _ALONE_SECONDS)[0]
    claims = 2 * (_WARM_UP + form.rounds * form.claims)
    tell(f"{form.workers} workers: warm")
    with crew(form.workers, contend) as running:
        tell(f"{form.workers} workers on one user")
        turns: list[Turns] = running.tell_all(order(form.seconds), form.seconds)
    check_ledger(place.database_url, claims + sum(len(one.granted) for one in turns))
    figures, table = contended(form, turns)
    share = median(one.share for one in rounds)
    locked, free = median(one.locked for one in rounds), median(one.open for one in rounds)
    detail = f"median of {len(rounds)} alternating rounds: {', '.join(f'{one.share:.2f}' for one in rounds)}"
    alone = Table(
        f"Claim by one user at a time, medians of {len(rounds)} rounds of {form.claims}, ms",
        ("claim without the lock", "with it", "lock", "lock ÷ claim"),
        ((f"{free:.3f}", f"{locked:.3f}", f"{locked - free:.3f}", f"{share:.2f}"),),
    )
    return Outcome((figure("lock, uncontended ÷ claim", share, "<= 0.5", detail), *figures), (alone, table))


def claim_alone(orders: Connection, number: int) -> None:  # noqa: ARG001
    """Claim for one user in turn with and without the lock; answer with the rounds."""
    with as_environment(orders):
        both = _Both()
        for _ in range(_WARM_UP):
            both.claim(locked=True)
            both.claim(locked=False)
        orders.send(0)
        form: Form = orders.recv()
        rounds = []
        for _ in range(form.rounds):
            pairs = [(both.claim(locked=True), both.claim(locked=False)) for _ in range(form.claims)]
            rounds.append(Claims(MS * median(one for one, _ in pairs), MS * median(one for _, one in pairs)))
        orders.send(rounds)


class _Both:
    """The allocate use case twice, alike but for the gate; without the gate's copy of it the quota is at hand."""

    def __init__(self) -> None:
        from scheduler import runtime
        from scheduler.adapters.open_gate import OpenGate
        from scheduler.adapters.postgres.allocations import PostgresAllocations
        from scheduler.domain.plans import plan_document
        from scheduler.edge.identity import caller_of
        from scheduler.edge.schemas.allocations import AllocateBody, ReleaseBody
        from scheduler.service.allocator import Allocator

        plan = plan_document(PLAN)

        class AtHand:
            def document(self, user: User) -> QuotaDocument:  # noqa: ARG002
                return plan

        self._store = PostgresAllocations(runtime.database())
        self._service = caller_of(CLAIMS, "tenant_id")
        self._ask = msgspec.convert(allocate_body(_ALONE), AllocateBody).to_request(self._service, None)
        self._body = ReleaseBody
        self._allocators = {
            locked: Allocator(self._store, AtHand(), gate, runtime.meter())
            for locked, gate in ((True, runtime._gate()), (False, OpenGate()))
        }

    def claim(self, *, locked: bool) -> float:
        """Give the seconds of one claim; the device is given back untimed."""
        started = time.perf_counter()
        allocation = self._allocators[locked].allocate(self._ask)
        seconds = time.perf_counter() - started
        self._give_back(allocation)
        return seconds

    def _give_back(self, allocation: Allocation) -> None:
        self._store.release(self._body(**release_body(_ALONE, allocation.device_id)).to_request(self._service, None))


def contend(orders: Connection, number: int) -> None:
    """Be one environment whose requests are all for the one user."""
    with as_environment(orders):
        from tools.handlers import load_function

        allocate, release = load_function("allocate").handler, load_function("release").handler
        orders.send(0)
        while True:
            orders.send(_contend(orders.recv(), allocate, release, number))


def _contend(start: Order, allocate: Handler, release: Handler, number: int) -> Turns:
    turns, ask = Turns(), post(ALLOCATE, allocate_body(_ONE))
    time.sleep(max(start.start_at - time.monotonic(), 0))
    while time.monotonic() < start.start_at + start.seconds:
        began = time.perf_counter()
        answer = allocate(ask, Context())
        if answer["statusCode"] == HTTPStatus.CREATED:
            turns.granted.append(time.perf_counter() - began)
            device = json.loads(answer["body"])["data"]["deviceId"]
            call(release, post(RELEASE, release_body(_ONE, device)), Context(), HTTPStatus.OK)
            continue
        code = json.loads(answer["body"])["code"]
        if code not in _POLITE:
            raise WrongAnswer(f"worker {number} on one user: {answer['statusCode']} {answer['body']}")
        turns.refused[code] += 1
    return turns


def contended(form: Form, turns: Sequence[Turns]) -> tuple[list[Figure], Table]:
    """Sum up what the workers met."""
    waits = [MS * seconds for seconds in chain.from_iterable(one.granted for one in turns)]
    if not waits:
        raise WrongAnswer(f"with {form.workers} workers on one user nobody passed")
    busy = sum(one.refused.total() for one in turns)
    who = f"{form.workers} workers on one user"
    shares = [percentile(waits, share) for share in (0.50, 0.95, 0.99, 1.0)]
    row = (str(form.workers), f"{len(waits) / form.seconds:.0f}", *(f"{ms:.0f}" for ms in shares), str(busy))
    figures = [
        figure(f"{who}: passed a second", len(waits) / form.seconds),
        figure(f"{who}: p95 of allocate, ms", shares[1], detail="of those that passed, the wait for the lock included"),
        figure(f"{who}: refused as user_busy", busy, detail=f"of {len(waits) + busy} requests in {form.seconds} s"),
        figure(f"{who}: fewest passed of one worker", min(len(one.granted) for one in turns)),
    ]
    headings = ("workers", "passed/s", "p50", "p95", "p99", "max", "user_busy")
    return figures, Table(
        "All on one user: requests that passed, ms until they were answered, refusals", headings, (row,)
    )


PART = Part(
    name="lock",
    title="The user lock",
    quick=Form(rounds=3, claims=300, workers=32, seconds=5),
    full=Form(rounds=5, claims=2000, workers=32, seconds=20),
    steps=lambda form: 3,  # noqa: ARG005
    run=run,
)
