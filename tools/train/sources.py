"""Where ended sessions are read from: simulated runs, or a running database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import batched

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import User
from tools.simulate.demand import DemandOptions, arrivals, plans
from tools.simulate.history import Ended, Few
from tools.simulate.placement import Judge, Placement, placement
from tools.simulate.play import Play
from tools.simulate.stage import MemoryStage
from tools.simulate.study import silence
from tools.simulate.world import Phone, World, WorldOptions

FIRST_SEED = 10_001
"""Of training; evaluations use seeds from 1 on."""
PAGE = 1000
MOST = 1_000_000
_ENDED = """
SELECT u.allocation_id::text AS id, u.segment, extract(epoch FROM u.ended_at)::float8 AS at, u.device_id,
       coalesce(d.host, '') AS host, d.model, u.tenant_id, u.user_id, coalesce(a.duration_minutes, 60) AS minutes,
       u.seconds / 3600.0::float8 AS hours, u.ended_at AS ended_at,
       coalesce(u.reason LIKE 'Device failed%%' OR u.reason LIKE 'Device changed%%', false) AS failed
  FROM usage_records u
  LEFT JOIN devices d ON d.id = u.device_id
  LEFT JOIN device_allocations a ON a.id = u.allocation_id
 WHERE u.kind = 'usage' AND (%(after)s::timestamptz IS NULL
       OR (u.ended_at, u.allocation_id, u.segment) > (%(after)s, %(id)s::uuid, %(segment)s))
 ORDER BY u.ended_at, u.allocation_id, u.segment
 LIMIT %(limit)s
"""


class Recorder:
    """Plays a strategy as it is, and keeps how sessions ended."""

    def __init__(self, judge: Judge | None) -> None:
        """Start with none; `judge` is the strategy's own."""
        self._judge = judge
        self.kept: list[Ended] = []

    def meet(self, plans: Mapping[User, str]) -> None:
        """Pass it on."""
        if self._judge:
            self._judge.meet(plans)

    def prefer(self, user: User, minutes: int, few: Few, at: float) -> str:
        """Take the best by score, or what the strategy says."""
        return self._judge.prefer(user, minutes, few, at) if self._judge else next(iter(few))

    def lend(self, phone: Phone, user: User, minutes: int, at: float) -> None:
        """Pass it on."""
        if self._judge:
            self._judge.lend(phone, user, minutes, at)

    def end(self, ended: Ended) -> None:
        """Keep it."""
        self.kept.append(ended)
        if self._judge:
            self._judge.end(ended)


def simulated(
    demand: DemandOptions, world: WorldOptions, strategies: Sequence[str], runs: int, jobs: int
) -> list[Ended]:
    """Play some runs, under one strategy after the other, and give how their sessions ended, in the order of time.

    Phones and hosts of different runs are different ones.
    """
    play = partial(_played, demand, world, strategies)
    with ProcessPoolExecutor(jobs) as pool:
        found = [ended for of_run in pool.map(play, range(FIRST_SEED, FIRST_SEED + runs)) for ended in of_run]
    return sorted(found, key=lambda ended: ended.at)


def _played(demand: DemandOptions, options: WorldOptions, strategies: Sequence[str], seed: int) -> list[Ended]:
    wishes, world = arrivals(demand, seed), World(options, seed)
    plain = placement(strategies[seed % len(strategies)], world, seed)
    recorder = Recorder(plain.judge)
    recorded = Placement(plain.name, plain.score, follows_time=True, judge=recorder)  # so that phones tell their load
    with silence():
        Play(MemoryStage(plans(wishes)), world, wishes, recorded, seed).play()
    return [
        ended._replace(device=f"{seed} {ended.device}", host=f"{seed} {ended.host}", user=f"{seed} {ended.user}")
        for ended in recorder.kept
    ]


def of_database(url: str, tell: Callable[[int], None]) -> list[Ended]:
    """Read what ended in a running database, a page at a time; `tell` hears how many were read.

    The load at the grant and start times are not kept there: they are unknown.

    Raises:
        NotAConnectionUrl, Unavailable: It cannot be read.
    """
    database, found = Database(lambda: url), list[Ended]()
    try:
        for page in batched(_rows(database), PAGE, strict=False):
            found += page
            tell(len(found))
    finally:
        database.close()
    return found


def _rows(database: Database) -> Iterator[Ended]:
    after: dict[str, object] = {"after": None, "id": None, "segment": None}
    for _ in range(MOST // PAGE):
        rows = database.rows(_ENDED, after | {"limit": PAGE})
        for row in rows:
            yield Ended(
                at=row["at"],
                device=row["device_id"],
                host=row["host"] or f"of {row['device_id']}",
                kind=row["model"],
                tenant=row["tenant_id"],
                user=row["user_id"],
                minutes=row["minutes"],
                hours=row["hours"],
                failed=row["failed"],
                load=None,
                start_seconds=None,
            )
        if len(rows) < PAGE:
            return
        after = {"after": rows[-1]["ended_at"], "id": rows[-1]["id"], "segment": rows[-1]["segment"]}
