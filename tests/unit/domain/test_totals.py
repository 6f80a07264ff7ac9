"""Running totals tell what is active, and how much of the fleet that is."""

import pytest

from scheduler.domain.model import AllocationTotals


def totals(granted: int = 10, running_devices: int = 8) -> AllocationTotals:
    return AllocationTotals(
        granted=granted, released=3, expired=2, revoked=1, running_devices=running_devices, strategy="best_fit"
    )


def test_active_is_what_was_granted_and_did_not_end() -> None:
    assert totals().active == 4


@pytest.mark.parametrize(
    ("granted", "running_devices", "share"),
    [
        pytest.param(10, 8, 0.5, id="half of the running devices"),
        pytest.param(6, 8, 0.0, id="nothing is lent"),
        pytest.param(14, 8, 1.0, id="all"),
        pytest.param(15, 8, 1.0, id="never more than all: a device may stop while it is lent"),
        pytest.param(10, 0, 0.0, id="no device runs"),
        pytest.param(7, 1, 1.0, id="the only one"),
    ],
)
def test_utilisation_is_the_share_of_running_devices_that_is_lent(
    granted: int, running_devices: int, share: float
) -> None:
    assert totals(granted, running_devices).utilisation == share
