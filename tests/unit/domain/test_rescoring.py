"""How far devices' scores follow the strategy in force."""

from datetime import UTC, datetime

import pytest

from scheduler.domain.model import Rescoring

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
