"""Whatever happens in whatever order, Postgres does what a model of a few lines says."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Lending
from tests.model.planted import BUGS, Bug
from tests.model.world import World

MOST_EXAMPLES = 2000
"""Until a planted bug shows: most do within ten, the rarest in a hundred or two; the first failure ends the run."""

pytestmark = pytest.mark.xdist_group("model")


def test_postgres_does_what_the_model_says(world: World) -> None:
    run_state_machine_as_test(lambda: Lending(world), settings=settings())


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS.keys())
def test_a_planted_bug_is_caught(world: World, bug: list[Bug]) -> None:
    for part in bug:
        part.plant(world.database)

    with pytest.RaisesGroup(AssertionError, allow_unwrapped=True):  # a group where equals were lent otherwise on replay
        run_state_machine_as_test(
            lambda: Lending(world),
            settings=settings(
                phases=[Phase.generate],
                database=None,
                report_multiple_bugs=False,
                print_blob=False,
                max_examples=MOST_EXAMPLES,
            ),
        )
