"""How far devices' scores follow the strategy in force, and whether it needs a model."""

from datetime import UTC, datetime

import pytest

from scheduler.domain.model import Rescoring, StrategyInForce

BEGUN, DONE = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started_at", "done_at", "is_done"),
    [
        pytest.param(None, None, True, id="no other strategy was ever chosen"),
        pytest.param(BEGUN, None, False, id="under way"),
        pytest.param(BEGUN, DONE, True, id="done"),
    ],
)
def test_scores_follow_until_all_do(started_at: datetime | None, done_at: datetime | None, *, is_done: bool) -> None:
    assert Rescoring(3, 7, started_at, done_at).is_done is is_done


@pytest.mark.parametrize(
    ("name", "trial_share", "needs"),
    [
        pytest.param("smart", None, True, id="the learned strategy is chosen"),
        pytest.param("best_fit", 0.0, True, id="it is tried in the shadow"),
        pytest.param("best_fit", 0.5, True, id="it is tried on a share"),
        pytest.param("best_fit", None, False, id="neither"),
    ],
)
def test_who_follows_or_tries_the_learned_strategy_needs_its_model(
    name: str, trial_share: float | None, *, needs: bool
) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    now = StrategyInForce(name, None, at, Rescoring(0, 0, None, None), name, None, trial_share)

    assert now.needs_model is needs
