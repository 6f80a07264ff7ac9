"""A reconciliation stops in time, goes on where it stopped, and tells what it found; on fakes."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.domain.reconciliation import Mismatch, Part, Reconciliation, Untold
from scheduler.ports import SliceTooLarge
from scheduler.service.reconciler import FEWEST_ROWS, ROWS, Reconciler
from tests.support.fake_meter import FakeMeter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOOD = Part((NOON, "a-9"), 10, 0, (), last=False)
BAD = Part((NOON, "a-9"), 10, 1, (Mismatch("a-7", "seconds differ"),), last=False)
END = Part(None, 0, 0, (), last=True)
BEGUN = Reconciliation(1, 0, NOON)
NOTHING = Untold(0)


@dataclass
class Store:
    """Gives parts in their order; keeps what is saved."""

    parts: list[Part]
    saved: Reconciliation = BEGUN
    most_rows: int = ROWS
    taken_over: bool = False
    last: int = 0
    waiting: Untold = NOTHING
    asked: list[int] = field(default_factory=list)

    def resume(self) -> Reconciliation:
        return self.saved

    def examine(self, _: Reconciliation, rows: int) -> Part:
        self.asked.append(rows)
        if rows > self.most_rows:
            raise SliceTooLarge
        return self.parts.pop(0)

    def save(self, run: Reconciliation) -> Reconciliation | None:
        if self.taken_over:
            return None
        self.saved = replace(run, version=run.version + 1)
        return self.saved

    def last_count(self) -> int:
        return self.last

    def untold(self, _: int) -> Untold:
        return self.waiting

    def run(
        self, left: Callable[[], float] = lambda: 300.0, *, tells: bool = False
    ) -> tuple[FakeMeter, Mapping[str, Any]]:
        meter = FakeMeter()
        return meter, Reconciler(self, meter, tells=tells).run(left)  # type: ignore[arg-type]


def seconds(*left: float) -> Callable[[], float]:
    """How much time is left, each time it is asked."""
    remaining = iter(left)
    return lambda: next(remaining)


def test_where_all_agrees_it_says_so_with_a_zero() -> None:
    meter, told = Store([GOOD, END, GOOD, END]).run()

    assert told == {"complete": True, "examined": 20, "mismatches": 0, "allocationIds": [], "undelivered": 0}
    assert meter.counted == {"ReconcileMismatches": 0}


def test_a_mismatch_is_counted_logged_and_named(caplog: pytest.LogCaptureFixture) -> None:
    meter, told = Store([BAD, END, END]).run()

    assert meter.counted == {"ReconcileMismatches": 1}
    assert told["allocationIds"] == ["a-7"]
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (record.message, vars(record)["rows"]) == (
        "records differ",
        [{"allocationId": "a-7", "fault": "seconds differ"}],
    )


def test_it_stops_before_its_time_is_up_and_the_next_run_goes_on() -> None:
    store = Store([BAD, END, END])

    meter, told = store.run(seconds(300, 29))

    assert told["complete"] is False
    assert meter.counted == {"ReconcileMismatches": 1}
    meter, told = store.run()
    assert told["complete"] is True
    assert meter.counted == {"ReconcileMismatches": 1}


def test_while_it_is_cut_what_the_last_whole_walk_found_stands() -> None:
    meter, _ = Store([GOOD], last=3).run(seconds(300, 29))

    assert meter.counted == {"ReconcileMismatches": 3}


def test_slices_that_take_too_long_are_halved() -> None:
    store = Store([GOOD, END, END], most_rows=ROWS // 4)

    _, told = store.run()

    assert store.asked == [ROWS, ROWS // 2, ROWS // 4, ROWS // 4, ROWS // 4]
    assert told["complete"] is True


def test_where_even_a_few_rows_take_too_long_it_fails() -> None:
    store = Store([], most_rows=1)

    with pytest.raises(SliceTooLarge):
        store.run()

    assert store.asked[-1] <= FEWEST_ROWS


def test_of_two_runs_at_once_the_later_gives_way_without_a_metric() -> None:
    meter, told = Store([BAD], taken_over=True).run()

    assert told["complete"] is False
    assert meter.counted == {}


def test_what_waits_for_the_billing_service_too_long_is_told(caplog: pytest.LogCaptureFixture) -> None:
    meter, told = Store([END, END], waiting=Untold(2, ("a-1", "a-2"))).run(tells=True)

    assert meter.counted == {"ReconcileMismatches": 0, "ReconcileUndelivered": 2}
    assert told["undelivered"] == 2
    assert "records not delivered" in [record.message for record in caplog.records]


def test_without_a_billing_service_nothing_waits() -> None:
    meter, _ = Store([END, END], waiting=Untold(2, ("a-1",))).run()

    assert "ReconcileUndelivered" not in meter.counted
