"""What is promised under each fault: the short form of `make fault`. One line of the list is one promise."""

from collections.abc import Sequence

import pytest
from _pytest.mark import ParameterSet

from tests.fault.faults import FAULTS
from tests.fault.run import Fault, play
from tests.fault.shrink import shrink
from tests.fault.stage import Stage
from tests.fault.timeline import timeline

SEED = 20260301
OPERATIONS = 500


def _spread(faults: Sequence[Fault]) -> list[ParameterSet]:
    """Have two processes share them: many spend their time waiting."""
    return [
        pytest.param(fault, id=f"{fault.name}: {fault.promise}", marks=pytest.mark.xdist_group(f"faults-{number % 2}"))
        for number, fault in enumerate(faults)
    ]


@pytest.mark.parametrize("fault", _spread(FAULTS))
def test_promise(servers: Stage, fault: Fault) -> None:
    outcome = play(servers, fault, seed=SEED, times=fault.short, operations=OPERATIONS)

    if outcome.violations:
        first = outcome.violations[0]
        shown = timeline(shrink(outcome.evidence, first), first)
        pytest.fail(
            f"{len(outcome.violations)} found with seed {SEED}; the first: {first.what}\n{shown}", pytrace=False
        )
    assert outcome.faults >= fault.short, "the fault did not strike often enough to prove anything"
    assert outcome.operations >= OPERATIONS
