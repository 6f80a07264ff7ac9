"""How well a device is, in one figure: heartbeats that are fresh, room to work, sessions that did not fail."""

from datetime import UTC, datetime

import pytest

from scheduler.domain.health import Heartbeat, health_score

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def beat(*, cpu: float = 0, memory: float = 0, storage: float = 0, age: float = 0) -> Heartbeat:
    return Heartbeat(cpu, memory, storage, NOON, age)


@pytest.mark.parametrize(
    ("heartbeat", "failures", "expected"),
    [
        pytest.param(None, 0, 100, id="a device that never reported is not punished"),
        pytest.param(beat(), 0, 100, id="one that reports and idles is well"),
        pytest.param(beat(age=120), 0, 100, id="two minutes are fresh"),
        pytest.param(beat(age=510), 0, 80, id="half-way to silence costs half of the freshness"),
        pytest.param(beat(age=900), 0, 60, id="after fifteen minutes it is silent"),
        pytest.param(beat(age=86_400), 0, 60, id="a day of silence is no worse than that"),
        pytest.param(beat(age=-5), 0, 100, id="a clock that ran ahead gains nothing"),
        pytest.param(beat(cpu=80, memory=80, storage=80), 0, 100, id="a load up to 80 % does no harm"),
        pytest.param(beat(cpu=90), 0, 90, id="the busiest counts: cpu"),
        pytest.param(beat(memory=90), 0, 90, id="the busiest counts: memory"),
        pytest.param(beat(storage=90), 0, 90, id="the busiest counts: storage"),
        pytest.param(beat(cpu=100, memory=100, storage=100), 0, 80, id="full is no fault"),
        pytest.param(None, 1, 87, id="a failure costs a third of the sessions' part"),
        pytest.param(None, 2, 73, id="two cost two thirds"),
        pytest.param(None, 3, 60, id="three cost it all"),
        pytest.param(None, 7, 60, id="more cost no more"),
        pytest.param(beat(cpu=100, age=900), 3, 0, id="silent, full and failing: nothing speaks for it"),
    ],
)
def test_health(heartbeat: Heartbeat | None, failures: int, expected: int) -> None:
    assert health_score(heartbeat, failures) == expected
