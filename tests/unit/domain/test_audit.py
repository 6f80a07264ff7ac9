"""An audit adds up what its slices found, and says of each invariant whether it holds in what was looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.audit import (
    MAX_ROWS,
    Audit,
    Finding,
    Invariant,
    Progress,
    Slice,
    Verdict,
    Walk,
    verdicts,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EARLIER = NOON - timedelta(hours=1)
CLEAN = Finding("one holder", Invariant.ONE_HOLDER, 0)
BROKEN = Finding("overlap", Invariant.ONE_HOLDER, 2, ({"id": "a"}, {"id": "b"}))


def test_findings_of_two_slices_add_up() -> None:
    other = replace(BROKEN, count=1, rows=({"id": "c"},))

    assert BROKEN.and_also(other) == replace(BROKEN, count=3, rows=({"id": "a"}, {"id": "b"}, {"id": "c"}))


def test_only_the_first_rows_are_named_but_all_are_counted() -> None:
    rows = tuple({"id": number} for number in range(MAX_ROWS))
    many = Finding("overlap", Invariant.ONE_HOLDER, MAX_ROWS, rows)

    assert many.and_also(BROKEN) == replace(many, count=MAX_ROWS + 2)


def test_a_walk_stands_where_its_slice_ends() -> None:
    assert Walk().past(Slice(("a",), ("z",), NOON, last=False)) == Walk(("a",), NOON, complete=False)
    assert Walk().past(Slice(None, ("z",), NOON, last=True)) == Walk(None, NOON, complete=True)


def test_a_slice_without_a_time_leaves_the_time_that_was_reached() -> None:
    assert Walk(("z",), NOON).past(Slice(("a",), ("z",), None, last=False)).reached == NOON
    assert Walk(("z",), NOON).past(Slice(("a",), ("z",), EARLIER, last=False)).reached == EARLIER


@pytest.mark.parametrize(
    ("walks", "complete"),
    [
        pytest.param([], True, id="nothing to walk"),
        pytest.param([True, True], True, id="all done"),
        pytest.param([True, False], False, id="one under way"),
    ],
)
def test_progress_is_complete_when_every_walk_is(walks: list[bool], complete: bool) -> None:
    progress = Progress({str(number): Walk(complete=done) for number, done in enumerate(walks)})

    assert progress.complete is complete


def test_what_slices_find_is_added_up_by_check() -> None:
    progress = Progress()

    progress.add([BROKEN, CLEAN])
    progress.add([BROKEN])

    assert progress.findings == {"overlap": BROKEN.and_also(BROKEN), "one holder": CLEAN}
    assert progress.violations == 4


def test_a_check_of_all_rows_takes_the_place_of_what_it_found_before() -> None:
    progress = Progress(findings={"overlap": BROKEN, "one holder": CLEAN})

    progress.replace([replace(BROKEN, count=0, rows=())])

    assert progress.findings == {"overlap": replace(BROKEN, count=0, rows=()), "one holder": CLEAN}


@pytest.mark.parametrize(("findings", "holds"), [((), True), ((CLEAN,), True), ((CLEAN, BROKEN), False)])
def test_an_invariant_holds_when_no_row_offends(findings: tuple[Finding, ...], holds: bool) -> None:
    verdict = Verdict(Invariant.ONE_HOLDER, findings, complete=True, checked_from=None)

    assert verdict.holds is holds
    assert Audit((verdict,), None).holds is holds
    assert Audit((verdict, replace(verdict, findings=(BROKEN,))), None).holds is False


TOLD_BY = {"holds": [Invariant.ONE_HOLDER, Invariant.RISING_FENCE], "events": [Invariant.ONE_HOLDER]}


class TestVerdicts:
    def of(self, invariant: Invariant, progress: Progress) -> Verdict:
        (verdict,) = (one for one in verdicts(progress, TOLD_BY) if one.invariant is invariant)
        return verdict

    def test_every_invariant_has_one(self) -> None:
        assert [verdict.invariant for verdict in verdicts(Progress(), TOLD_BY)] == list(Invariant)

    def test_it_has_its_own_findings(self) -> None:
        other = replace(BROKEN, check="fence", invariant=Invariant.RISING_FENCE)
        progress = Progress(findings={"overlap": BROKEN, "fence": other})

        assert self.of(Invariant.ONE_HOLDER, progress).findings == (BROKEN,)
        assert self.of(Invariant.RISING_FENCE, progress).findings == (other,)

    def test_it_is_complete_when_all_its_walks_are(self) -> None:
        progress = Progress({"holds": Walk(complete=True), "events": Walk()})

        assert not self.of(Invariant.ONE_HOLDER, progress).complete
        assert self.of(Invariant.RISING_FENCE, progress).complete

    def test_a_walk_that_has_not_begun_is_not_complete(self) -> None:
        assert not self.of(Invariant.RISING_FENCE, Progress()).complete

    def test_what_no_walk_tells_about_is_complete(self) -> None:
        assert self.of(Invariant.EXACT_QUOTA, Progress()) == Verdict(Invariant.EXACT_QUOTA, (), True, None)

    def test_it_was_checked_as_far_back_as_the_walk_that_came_least_far(self) -> None:
        progress = Progress({"holds": Walk(reached=EARLIER), "events": Walk(reached=NOON)})

        assert self.of(Invariant.ONE_HOLDER, progress).checked_from == NOON
        assert self.of(Invariant.RISING_FENCE, progress).checked_from == EARLIER

    def test_a_walk_that_reached_no_time_does_not_count_for_it(self) -> None:
        progress = Progress({"holds": Walk(), "events": Walk(reached=NOON)})

        assert self.of(Invariant.ONE_HOLDER, progress).checked_from == NOON
