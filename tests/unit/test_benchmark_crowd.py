"""A crowd's answers are summed up by phase, and what does not hold is named."""

from pathlib import Path

import pytest

from benchmarks.crowd.account import complaints, spans
from benchmarks.crowd.plan import ALLOCATE, RELEASE, Answer, Told, read_told, write_told

BEGUN = (("below", 0.0), ("above", 10.0), ("after", 20.0), ("settle", 30.0))


def answers(begin: float, number: int, status: int, took: float = 0.5) -> list[Answer]:
    return [
        Answer(ALLOCATE if place % 2 else RELEASE, at, at, at + took, status, 2)
        for place in range(number)
        for at in (begin + 5 * place / number,)
    ]


def told(*more: Answer) -> Told:
    fine = [*answers(0, 100, 200), *answers(10, 100, 201), *answers(10, 60, 503, 3.0), *answers(20, 100, 200)]
    return Told([*fine, *answers(10, 40, 0, 0.0), *more], BEGUN, 31.0, 100, (), (8.0,))


def test_each_phase_is_summed_up() -> None:
    above = spans(told())[1]

    assert (above.per_second, above.refused, above.turned_away) == (10.0, 0.3, pytest.approx(0.2))
    assert (above.p50, above.refused_p50, above.longest) == (pytest.approx(0.5), pytest.approx(3.0), pytest.approx(3.0))


def test_what_holds_is_not_complained_of() -> None:
    assert complaints(told(), 50, 50) == []


@pytest.mark.parametrize(
    ("more", "sessions", "complaint"),
    [
        pytest.param([], 51, "51 sessions", id="a session more"),
        pytest.param(answers(0, 1, 503), 50, "below capacity", id="refused without need"),
        pytest.param([Answer(ALLOCATE, 0, 0, 19, 503)], 50, "an answer took 19.0 s", id="a pile-up"),
    ],
)
def test_what_does_not_hold_is_named(more: list[Answer], sessions: int, complaint: str) -> None:
    assert any(found.startswith(complaint) for found in complaints(told(*more), sessions, 50))


def test_a_throughput_that_does_not_come_back_is_named() -> None:
    kept = told()
    hanging = Told([a for a in kept.answers if a.answered_at < 22], BEGUN, 31.0, 100, (), (8.0,))

    assert [text.split(",")[0] for text in complaints(hanging, 50, 50)] == ["after the surge 3/s"]


def test_it_comes_back_equal_from_its_file(tmp_path: Path) -> None:
    write_told(told(), tmp_path / "told.json")

    assert spans(read_told(tmp_path / "told.json")) == spans(told())
