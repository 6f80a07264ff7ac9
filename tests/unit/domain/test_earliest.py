"""The first time at which all wishes can be had, against trying out every choice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.earliest import MOST_TRIED, Gap, Wish, earliest_for_all

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def wish(*classes: int, minutes: int = 30) -> Wish:
    return Wish(frozenset(classes), timedelta(minutes=minutes))


def gap(class_id: int, begins: int, ends: int | None = None) -> Gap:
    return Gap(class_id, at(begins), None if ends is None else at(ends))


@pytest.mark.parametrize(
    ("wishes", "gaps", "expected"),
    [
        pytest.param([wish(1)], [gap(1, 5), gap(1, 3)], 3, id="one wish: the first gap"),
        pytest.param([wish(1), wish(1)], [gap(1, 5), gap(1, 3)], 5, id="two wishes: the second"),
        pytest.param([wish(1), wish(2)], [gap(1, 1), gap(2, 9)], 9, id="one of each kind"),
        pytest.param([wish(1, 2), wish(1)], [gap(1, 1), gap(2, 2)], 2, id="who can choose leaves the scarce one"),
        pytest.param([wish(1)], [gap(1, 0, 29), gap(1, 40)], 40, id="too short a gap is none"),
        pytest.param([wish(1)], [gap(1, 0, 30)], 0, id="a gap that just holds it"),
        pytest.param([wish(1), wish(2)], [gap(1, 0, 30), gap(2, 10)], None, id="never together"),
        pytest.param(
            [wish(1), wish(2)], [gap(1, 0, 30), gap(2, 10), gap(1, 60)], 60, id="together after a reservation"
        ),
        pytest.param([wish(1), wish(1)], [gap(1, 0)], None, id="more wishes than devices"),
        pytest.param([wish()], [gap(1, 0)], None, id="nothing fits"),
        pytest.param([wish(1)], [gap(1, 0, 10), gap(1, 0, 30)], 0, id="of two that end the later one"),
        pytest.param(
            [wish(1, 2), wish(1), wish(3)], [gap(1, 0), gap(2, 0), gap(3, 0)], 0, id="who was first makes way"
        ),
    ],
)
def test_the_first_time_for_all(wishes: list[Wish], gaps: list[Gap], expected: int | None) -> None:
    assert earliest_for_all(wishes, gaps) == (None if expected is None else at(expected))


WISHES = st.lists(
    st.builds(
        lambda classes, minutes: wish(*classes, minutes=minutes), st.sets(st.integers(1, 3)), st.integers(10, 30)
    ),
    min_size=1,
    max_size=4,
)
GAPS = st.lists(
    st.builds(
        lambda class_id, begins, length: gap(class_id, begins, None if length is None else begins + length),
        st.integers(1, 3),
        st.integers(0, 40),
        st.none() | st.integers(5, 60),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(WISHES, GAPS)
def test_it_is_the_time_that_trying_everything_finds(wishes: list[Wish], gaps: list[Gap]) -> None:
    tried = (each.begins_at for each in sorted(gaps, key=lambda each: each.begins_at) if _fit(wishes, gaps, each))

    assert earliest_for_all(wishes, gaps) == next(tried, None)


def _fit(wishes: Sequence[Wish], gaps: Sequence[Gap], start: Gap) -> bool:
    return any(
        all(
            each.class_id in wished.classes and each.holds(wished.length, start.begins_at)
            for wished, each in zip(wishes, chosen, strict=True)
        )
        for chosen in permutations(gaps, len(wishes))
    )


def test_times_at_which_all_could_not_be_had_in_any_case_are_not_tried() -> None:
    of_one_kind = [gap(1, begins, begins + 30) for begins in range(0, 30 * MOST_TRIED * 2, 30)]

    assert earliest_for_all([wish(1), wish(2)], [*of_one_kind, gap(1, 10_000, 10_030), gap(2, 10_000)]) == at(10_000)


def test_a_search_without_end_gives_up_for_a_time_that_is_right() -> None:
    too_short = [gap(1, begins, begins + 29) for begins in range(0, 30 * MOST_TRIED * 2, 30)]

    assert earliest_for_all([wish(1)], [*too_short, gap(1, 10_000, 10_030)]) is None
    assert earliest_for_all([wish(1)], [*too_short, gap(1, 10_000, 10_030), gap(1, 20_000)]) == at(20_000)
