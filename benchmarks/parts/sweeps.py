"""(d) Sweeps in rows a second, beside bare SQL that writes the same rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from benchmarks import bare
from benchmarks.figures import figure
from benchmarks.outcome import Outcome, Plot, Series, Table, WrongAnswer
from benchmarks.part import Part, Tell
from benchmarks.populated import populated, query
from benchmarks.stage import Place
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.domain.events import OutboxEvent
from scheduler.service.cleaner import BATCH as CLEANED
from scheduler.service.expirer import BATCH as EXPIRED
from scheduler.service.relay import BATCH as RELAYED
from scheduler.service.relay import Relay
from tools.population import Size

RETENTION_DAYS = 7
SERVED = 100
_DUE = """
UPDATE device_allocations
   SET expires_at = clock_timestamp() - random() * interval '1 minute',
       allocated_at = clock_timestamp() - interval '1 hour'
 WHERE id IN (SELECT id FROM device_allocations WHERE status = 'allocated' AND expires_at > clock_timestamp()
               ORDER BY hashtext(id::text) LIMIT %s)"""
_WAITING = """
INSERT INTO quota_usage (tenant_id, user_id) SELECT 'bench', 'waiter-' || n FROM generate_series(1, %s) n
    ON CONFLICT DO NOTHING;
INSERT INTO queue_entries (tenant_id, user_id, tier, rank, duration_minutes, terms_read_at, joined_at, expires_at)
SELECT 'bench', 'waiter-' || n, 'pro', n, 30, clock_timestamp(), clock_timestamp(), clock_timestamp() + interval '1 day'
  FROM generate_series(1, %s) n"""
_UNPUBLISHED = """
INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
SELECT 'device.released', 'd', 'device-' || n, 'bench', '{"deviceId": "d", "userId": "u"}', clock_timestamp()
  FROM generate_series(1, %s) n"""


@dataclass(frozen=True, slots=True)
class Form:
    """Devices of the fleet, rows that each sweep finds in a round, and alternating rounds."""

    devices: int
    rows: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep: what makes rows due for it, how it works through them, and the bare SQL that does the same."""

    name: str
    prepare: Callable[[int], object]
    ours: Callable[[int], int]
    bare: Callable[[int], int]


class Silence:
    """A topic that takes everything at once, and a meter that does not count."""

    def publish(self, events: Sequence[OutboxEvent]) -> set[int]:
        """Take them all."""
        return {event.position for event in events}

    def count(self, *_: object) -> None:
        """Count nothing."""

    observe = count


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Let each sweep and its bare SQL work through as many rows, in turn."""
    tell("fill")
    url = populated(place.server, "sweeps", Size(form.devices, 4 * form.devices, occupied=0.9), lambda _step: None)
    database = Database(lambda: url)
    found: dict[str, list[tuple[float, float]]] = {}
    try:
        for sweep in _sweeps(url, database):
            for number in range(form.rounds + 1):
                tell(f"{sweep.name}, round {number}")
                rates = tuple(_rate(sweep, work, form.rows) for work in (sweep.ours, sweep.bare))
                if number:  # the first warms
                    found.setdefault(sweep.name, []).append(rates)  # type: ignore[arg-type]
    finally:
        database.close()
        place.server.drop_database("sweeps")
    return _outcome(found)


def _sweeps(url: str, database: Database) -> Sequence[Sweep]:
    allocations, queue = PostgresAllocations(database), PostgresQueue(database)
    relay = Relay(PostgresOutbox(database), Silence(), Silence())
    return (
        Sweep(
            "expire",
            lambda rows: query(url, _DUE, rows),
            lambda _left: len(allocations.expire_due(EXPIRED)),
            lambda _left: len(database.rows(bare.EXPIRE, {"limit": EXPIRED})),
        ),
        Sweep(
            "cleanup",
            lambda _rows: None,
            lambda left: allocations.delete_ended(RETENTION_DAYS, min(left, CLEANED)),
            lambda left: len(database.rows(bare.CLEANUP, {"days": RETENTION_DAYS, "limit": min(left, CLEANED)})),
        ),
        Sweep(
            "dispatch",
            lambda rows: (
                query(url, "UPDATE outbox SET published_at = clock_timestamp()"),
                query(url, _WAITING, rows, rows),
            ),
            lambda _left: int(queue.serve_next([], 3600)["outcome"] == "granted"),
            lambda _left: len(database.rows(bare.DISPATCH, {"limit": SERVED})),
        ),
        Sweep(
            "relay",
            lambda rows: (
                query(url, "UPDATE outbox SET published_at = clock_timestamp()"),
                query(url, _UNPUBLISHED, rows),
            ),
            lambda _left: relay.relay_once(),
            lambda _left: len(database.rows(bare.RELAY, {"limit": RELAYED})),
        ),
    )


def _rate(sweep: Sweep, work: Callable[[int], int], rows: int) -> float:
    sweep.prepare(rows)
    started, done = perf_counter(), 0
    while done < rows:
        moved = work(rows - done)
        if not moved:
            raise WrongAnswer(f"{sweep.name} found {done} of {rows} rows")
        done += moved
    return done / (perf_counter() - started)


def _outcome(found: dict[str, list[tuple[float, float]]]) -> Outcome:
    ratios = {name: [ours / floor for ours, floor in rates] for name, rates in found.items()}
    rates = {name: tuple(median(column) for column in zip(*pairs, strict=True)) for name, pairs in found.items()}
    figures = tuple(
        figure(
            f"{name} sweep rows/s ÷ bare SQL",
            median(all_of_them),
            ">= 0.70" if name == "expire" else None,
            f"median of {len(all_of_them)} alternating rounds: {', '.join(f'{ratio:.2f}' for ratio in all_of_them)}",
        )
        for name, all_of_them in ratios.items()
    )
    table = tuple(
        (name, f"{ours:,.0f}", f"{floor:,.0f}", f"{median(ratios[name]):.2f}") for name, (ours, floor) in rates.items()
    )
    plot = Plot(
        "sweeps",
        "Sweeps and the bare SQL that does the same",
        "sweep",
        "rows/s",
        tuple(
            Series(name, tuple(rates), tuple(pair[place] for pair in rates.values()))
            for place, name in enumerate(("ours", "bare SQL"))
        ),
        kind="bars",
        y_scale="log",
    )
    return Outcome(figures, (Table("Sweeps: rows/s", ("sweep", "ours", "bare SQL", "÷"), table),), (plot,))


PART = Part(
    name="sweeps",
    title="Sweeps",
    quick=Form(devices=20_000, rows=1_000, rounds=3),
    full=Form(devices=100_000, rows=5_000, rounds=5),
    steps=lambda form: 1 + 4 * (form.rounds + 1),
    run=run,
)
