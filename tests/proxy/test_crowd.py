"""Hundreds of environments before few connections: refused in time, nothing lost, and well again at once."""

import pytest

from benchmarks.crowd.account import BOUND_SECONDS, complaints, spans
from benchmarks.crowd.place import CONNECTIONS
from benchmarks.crowd.plan import Phase
from benchmarks.crowd.trial import Trial, run_trial
from scheduler.adapters.postgres.connection import ANSWER_TIMEOUT_SECONDS, PATIENCE_SECONDS

SURGE = (Phase("below", 4, 15), Phase("above", 6, 120), Phase("after", 5, 15))


def test_500_environments_share_50_connections() -> None:
    result = run_trial(Trial(500, SURGE, clock_seconds=0.1, wait_seconds=1))  # wrong when one is lost or doubled

    assert complaints(result.told, result.most_sessions, CONNECTIONS) == []


def test_without_a_proxy_who_finds_no_connection_is_refused_at_once() -> None:
    result = run_trial(Trial(100, [Phase("crowd", 4, 30)], proxied=False, clock_seconds=0.0))

    crowd = spans(result.told)[1]
    assert result.most_sessions <= CONNECTIONS
    assert 0 < crowd.refused < 1
    assert crowd.refused_p50 < 1


def test_the_bound_is_that_of_the_functions() -> None:
    assert pytest.approx(PATIENCE_SECONDS + ANSWER_TIMEOUT_SECONDS) == BOUND_SECONDS
