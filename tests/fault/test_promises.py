"""What is promised under each fault: the short form of `make fault`. One line of the list is one promise."""

import pytest

from tests.fault.faults import FAULTS
from tests.fault.run import Fault, play
from tests.fault.shrink import shrink
from tests.fault.stage import Stage
from tests.fault.timeline import timeline

SEED = 20260301
OPERATIONS = 600

pytestmark = pytest.mark.xdist_group("faults")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name}: {fault.promise}")
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
