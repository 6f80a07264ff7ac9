"""The table counts what was found, and its figures are what they are called."""

from dataclasses import asdict, replace

import pytest

from tests.fault import report
from tests.fault.history import Evidence, Kind, Operation, Violation
from tests.fault.run import Outcome, added_seconds, unavailable_seconds

SECOND = 1_000_000_000
FIGURES = {
    "deaths": 3,
    "unanswered": 2,
    "added_seconds": 0.1234,
    "unavailable_seconds": 1.239,
    "longest_transaction_seconds": 0.5,
}


def outcome(*promises: str, faults: int = 10) -> Outcome:
    """What a run came to in which these promises were broken."""
    found = [Violation(promise, "", {}) for promise in promises]
    return Outcome("storm", "calm", 7, 10, faults, 500, found, Evidence(), FIGURES)


def asked(number: int, start: float, end: float, status: int | None = 200) -> Operation:
    """One request, its times in seconds."""
    return Operation(number, 0, Kind.LIST, "acme", "alice", int(start * SECOND), int(end * SECOND), {}, status=status)


@pytest.mark.parametrize(
    ("promise", "column"),
    [
        ("holds", "double_holds"),
        ("locks", "double_holds"),
        ("quota", "quota_drift"),
        ("events", "events_lost"),
        ("effects", "applied_twice"),
        ("answers", "other"),
        ("grants", "other"),
        ("drained", "other"),
    ],
)
def test_what_was_found_stands_in_its_column(promise: str, column: str) -> None:
    line = report.line_of(outcome(promise, promise))

    counted = {"double_holds", "quota_drift", "events_lost", "applied_twice", "other"}
    assert {name: getattr(line, name) for name in counted} == dict.fromkeys(counted, 0) | {column: 2}
    assert not line.kept


def test_the_last_row_adds_counts_and_takes_the_worst_of_times() -> None:
    calm = report.line_of(outcome())
    rough = replace(report.line_of(outcome("holds")), unavailable_seconds=9.0)

    head, *_, total = report.table([calm, rough])

    assert dict(zip(head, total, strict=True)) | {"fault": ""} == {
        "fault": "",
        "operations": "1,000",
        "faults": "20",
        "workers killed": "6",
        "unanswered": "4",
        "double holds": "1",
        "quota drift": "0",
        "events lost or out of order": "0",
        "effects lost or doubled": "0",
        "other": "0",
        "added wait while a part is away, median (s)": "0.123",
        "longest without service (s)": "9.0",
        "longest transaction (s)": "0.5",
    }


def test_the_short_form_is_told_from_the_long_one() -> None:
    long, short = (asdict(report.line_of(outcome(), short=short)) for short in (False, True))

    assert "short" not in report.generated({"lines": [long]})
    page = report.generated({"lines": [long, short | {"fault": "drizzle"}]})
    assert "| storm |" in page
    assert "| drizzle (short) |" in page


def test_a_promise_is_kept_only_when_all_its_faults_struck() -> None:
    assert outcome().kept
    assert not outcome(faults=9).kept
    assert not outcome("quota").kept


def test_without_service_counts_only_while_somebody_asks_in_vain() -> None:
    quiet = [asked(1, 0, 1), asked(2, 8, 9)]
    refused = [*quiet, asked(3, 2, 3, status=503)]
    unanswered = [*quiet, asked(3, 2, 3, status=None), asked(4, 6, 7)]

    assert [unavailable_seconds(operations) for operations in (quiet, refused, unanswered)] == [0.0, 8.0, 6.0]


def test_added_wait_compares_what_met_an_outage_with_the_rest() -> None:
    operations = [asked(1, 0, 1), asked(2, 2, 3), asked(3, 9, 13), asked(4, 10.5, 12.5)]

    assert added_seconds(operations, [(10 * SECOND, 11 * SECOND)]) == 2.0
    assert added_seconds(operations, []) == 0.0
