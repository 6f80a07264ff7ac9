"""Parts of the benchmark on real servers, with numbers so small that they say nothing but that all of it works."""

from collections.abc import Iterator

import pytest

from benchmarks.parts import cycles, lock, outbox_lag, profile, strategies
from benchmarks.stage import Stage, stage

SMALL = [
    (cycles.PART, cycles.Form(workers=(1,), rounds=1, seconds=1)),
    (strategies.PART, strategies.Form(workers=1, rounds=1, seconds=1)),
    (outbox_lag.PART, outbox_lag.Form(rate=20, environments=1, rounds=1, seconds=1)),
    (lock.PART, lock.Form(rounds=1, claims=5, workers=2, seconds=1)),
    (profile.PART, profile.Form(cycles=20)),
]


@pytest.fixture(scope="module")
def small_stage() -> Iterator[Stage]:
    with stage() as running:
        yield running


@pytest.mark.parametrize(("part", "form"), SMALL, ids=[part.name for part, _ in SMALL])
def test_a_part_finds_its_figures_and_leaves_a_right_ledger(small_stage: Stage, part, form):
    told: list[str] = []

    with small_stage.place(part.name) as place:
        outcome = part.run(place, form, told.append)

    assert outcome.figures
    assert outcome.tables
    assert len(told) == part.steps(form)
