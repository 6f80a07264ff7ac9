"""How a walk over ends and records goes on, and what it remembers."""

from datetime import UTC, datetime

from scheduler.domain.reconciliation import MOST_NAMED, Mismatch, Part, Reconciliation, Walk

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BORDER = (NOON, "a-9")
RUN = Reconciliation(1, 0, NOON)


def test_after_a_part_it_goes_on_where_that_ended() -> None:
    run = RUN.past(Part(BORDER, 10, 0, (), last=False))

    assert (run.walk, run.border, run.examined, run.complete) == (Walk.ENDS, BORDER, 10, False)


def test_after_the_last_end_it_begins_with_the_records_and_after_those_it_is_complete() -> None:
    records = RUN.past(Part(BORDER, 10, 0, (), last=True))
    done = records.past(Part(None, 0, 0, (), last=True))

    assert (records.walk, records.border, records.complete) == (Walk.RECORDS, None, False)
    assert (done.walk, done.complete, done.examined) == (None, True, 10)


def test_all_mismatches_count_and_the_first_are_named() -> None:
    found = tuple(Mismatch(f"a-{number}", "no record") for number in range(15))

    run = RUN.past(Part(BORDER, 20, 15, found, last=False)).past(Part(BORDER, 20, 15, found, last=False))

    assert run.count == 30
    assert run.mismatches == (found + found)[:MOST_NAMED]
