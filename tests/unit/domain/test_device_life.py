"""Where a device's life may lead: each act from each stretch."""

import pytest

from scheduler.domain.device_life import TRANSITIONS, Act, Life

OUTCOMES = {
    #               in_service     draining       quarantined    recycling
    Act.DRAIN: ("draining", "draining", "quarantined", "draining"),
    Act.QUARANTINE: ("quarantined", "quarantined", "quarantined", "quarantined"),
    Act.RESTORE: ("refused", "in_service", "in_service", "in_service"),
    Act.RECYCLED: ("in_service", "draining", "quarantined", "in_service"),
    Act.DELETE: ("deleted", "deleted", "deleted", "deleted"),
}
BEFORE = (Life.IN_SERVICE, Life.DRAINING, Life.QUARANTINED, Life.RECYCLING)


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("before", BEFORE)
def test_an_act_leads_where_the_table_says(act: Act, before: Life) -> None:
    transition = TRANSITIONS[act]
    after = transition.to if before in transition.leaves else "refused" if transition.strict else before

    assert after == OUTCOMES[act][BEFORE.index(before)]


def test_nothing_brings_a_deleted_device_back() -> None:
    assert not any(Life.DELETED in transition.leaves for transition in TRANSITIONS.values())


def test_what_runs_is_moved_only_where_the_device_must_serve_nobody_any_more() -> None:
    ending = {act for act, transition in TRANSITIONS.items() if transition.ends_session}

    assert ending == {Act.QUARANTINE, Act.DELETE}
