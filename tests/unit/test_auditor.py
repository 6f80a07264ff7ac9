"""The auditor looks at every row once, in slices, and tells what it found and how far it came."""

import logging
from collections.abc import Callable, Iterator
from itertools import chain, count

import pytest

from scheduler.domain.audit import MAX_ROWS, Audit, Invariant, Verdict
from scheduler.ports import SliceTooLarge
from scheduler.service import auditor as subject
from scheduler.service.auditor import LOOK_SECONDS, SPARE_SECONDS, Auditor
from tests.support.fake_audit import FakeAudit
from tests.support.fake_meter import FakeMeter


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LOOK_ROWS", 10)
    monkeypatch.setattr(subject, "RUN_ROWS", 10)
    monkeypatch.setattr(subject, "FEWEST_ROWS", 2)


def clock(*times: float) -> Callable[[], float]:
    """Give these times one after the other, then the last for ever."""
    coming: Iterator[float] = chain(times, (times[-1] for _ in count()))
    return lambda: next(coming)


def ever() -> float:
    """All the time there is."""
    return 900.0


def verdict(audit: Audit, invariant: Invariant) -> Verdict:
    return next(verdict for verdict in audit.verdicts if verdict.invariant is invariant)


def found(store: FakeAudit) -> list[int]:
    assert store.run
    return [row["row"] for finding in store.run.progress.findings.values() for row in finding.rows if "row" in row]


def test_what_is_right_holds() -> None:
    audit = Auditor(FakeAudit(), FakeMeter()).look()

    assert audit.holds
    assert [verdict.invariant for verdict in audit.verdicts] == list(Invariant)
    assert all(verdict.complete for verdict in audit.verdicts)


def test_offences_of_all_slices_are_found_and_none_twice() -> None:
    store = FakeAudit(broken={3, 42, 49, 50, 99})

    audit = Auditor(store, FakeMeter()).look()

    (finding,) = verdict(audit, Invariant.ONE_HOLDER).findings
    assert finding.count == 5
    assert [row["row"] for row in finding.rows] == [99, 50, 42, 49, 3]
    assert sorted(chain(*store.examined)) == list(range(100))


def test_newest_come_first() -> None:
    store = FakeAudit()
    Auditor(store, FakeMeter()).look()

    assert store.examined[0] == range(90, 100)


def test_many_offences_are_counted_and_the_first_named() -> None:
    audit = Auditor(FakeAudit(broken=range(100)), FakeMeter()).look()

    (finding,) = verdict(audit, Invariant.ONE_HOLDER).findings
    assert finding.count == 100
    assert len(finding.rows) == MAX_ROWS


def test_a_look_stops_at_its_deadline_and_says_so() -> None:
    store = FakeAudit(broken={95, 5})
    look = Auditor(store, FakeMeter(), clock(0, 1, 1, LOOK_SECONDS - 1, LOOK_SECONDS - 1, LOOK_SECONDS)).look()

    told = verdict(look, Invariant.ONE_HOLDER)
    assert store.examined == [range(90, 100), range(80, 90)]
    assert not told.complete
    assert told.checked_from
    assert not told.holds
    assert verdict(look, Invariant.ENDS_IN_TIME).complete


def test_a_look_begins_no_statement_after_its_deadline_and_counts_no_half_of_a_slice() -> None:
    store = FakeAudit(broken=range(100))
    look = Auditor(store, FakeMeter(), clock(0, 1, LOOK_SECONDS)).look()

    assert store.examined == [range(90, 100)]
    assert verdict(look, Invariant.ONE_HOLDER) == Verdict(Invariant.ONE_HOLDER, (), complete=False, checked_from=None)


def test_a_look_halves_no_slice_after_its_deadline() -> None:
    look = Auditor(FakeAudit(most=1), FakeMeter(), clock(0, 1, LOOK_SECONDS)).look()

    assert not verdict(look, Invariant.ONE_HOLDER).complete


def test_a_run_halves_no_slice_when_its_time_is_up() -> None:
    assert Auditor(FakeAudit(most=1), FakeMeter()).run(clock(900, SPARE_SECONDS)) == {
        "complete": False,
        "violations": 0,
    }


def test_a_slice_that_takes_too_long_is_halved_and_nothing_is_left_out() -> None:
    store = FakeAudit(broken={3, 98}, most=3)

    audit = Auditor(store, FakeMeter()).look()

    assert verdict(audit, Invariant.ONE_HOLDER).findings[0].count == 2
    assert sorted(chain(*store.examined)) == list(range(100))


def test_a_database_that_cannot_read_a_few_rows_fails_the_run() -> None:
    with pytest.raises(SliceTooLarge):
        Auditor(FakeAudit(most=1), FakeMeter()).run(ever)


def test_a_run_examines_everything_and_ends() -> None:
    store, meter = FakeAudit(broken={3, 98}), FakeMeter()

    assert Auditor(store, meter).run(ever) == {"complete": True, "violations": 2}

    assert sorted(found(store)) == [3, 98]
    assert meter.counted == {"AuditViolations": 2}
    assert [unit for _, unit in meter.observed["AuditSeconds"]] == ["Seconds"]
    assert store.last_full_run()


def test_a_run_that_finds_nothing_says_so() -> None:
    meter = FakeMeter()
    Auditor(FakeAudit(), meter).run(ever)

    assert "AuditViolations" in meter.counted
    assert meter.counted["AuditViolations"] == 0


def test_a_run_that_was_cut_goes_on_where_it_stopped() -> None:
    store, meter = FakeAudit(broken={3, 98}, late=1), FakeMeter()
    auditor = Auditor(store, meter)

    cut = auditor.run(clock(900, 900, 100, 100, SPARE_SECONDS))
    assert cut == {"complete": False, "violations": 2}
    assert store.examined == [range(90, 100), range(80, 90)]
    assert store.last_full_run() is None
    assert meter.counted["AuditViolations"] == 2  # what is known is told at once

    assert auditor.run(ever) == {"complete": True, "violations": 3}
    assert sorted(chain(*store.examined)) == list(range(100))
    assert sorted(found(store)) == [3, 98]


def test_what_was_late_at_first_and_is_not_any_more_does_not_stay_in_the_run() -> None:
    store = FakeAudit(late=1)
    auditor = Auditor(store, FakeMeter())
    auditor.run(clock(900, SPARE_SECONDS))
    store.late = 0

    assert auditor.run(ever) == {"complete": True, "violations": 0}


def test_what_the_last_full_run_found_stands_until_another_has_looked_everywhere() -> None:
    store, meter = FakeAudit(broken={3}), FakeMeter()
    auditor = Auditor(store, meter)
    auditor.run(ever)
    store.broken = ()

    auditor.run(clock(900, SPARE_SECONDS))
    assert meter.counted["AuditViolations"] == 1 + 1
    auditor.run(ever)
    assert meter.counted["AuditViolations"] == 1 + 1 + 0


def test_a_run_that_another_one_overtook_stops() -> None:
    store, meter = FakeAudit(saved_by_another=True), FakeMeter()

    assert Auditor(store, meter).run(ever) == {"complete": False, "violations": 0}
    assert len(store.examined) == 1
    assert "AuditViolations" not in meter.counted


def test_a_look_sends_no_metric_because_it_proves_less_than_a_run() -> None:
    meter = FakeMeter()
    Auditor(FakeAudit(), meter).look()

    assert not meter.counted


def test_a_broken_invariant_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Auditor(FakeAudit(broken={7}), FakeMeter()).run(ever)

    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.message == "invariant broken"
    assert vars(record)["invariant"] == "I1"
    assert vars(record)["rows"] == [{"row": 7}]
