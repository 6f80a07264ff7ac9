"""The checker is itself checked: every planted bug is caught, and without it the same scenario breaks no promise."""

import pytest

from tests.fault.checker import check
from tests.fault.planted import BUGS
from tests.fault.planted.bug import Bug, play
from tests.fault.shrink import shrink
from tests.fault.stage import Stage
from tests.fault.timeline import timeline

pytestmark = pytest.mark.xdist_group("faults-0")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_and_shown_by_a_small_history(servers: Stage, bug: Bug) -> None:
    evidence = play(servers, bug, planted=True)

    found = [violation for violation in check(evidence) if violation.promise == bug.promise]

    assert found, f"not caught: {timeline(evidence, check(evidence)[0]) if check(evidence) else 'nothing'}"
    small = shrink(evidence, found[0])
    assert any(violation.about == found[0].about for violation in check(small))
    assert len(timeline(small, found[0]).splitlines()) <= 30


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_without_the_bug_its_scenario_breaks_no_promise(servers: Stage, bug: Bug) -> None:
    assert check(play(servers, bug, planted=False)) == []
