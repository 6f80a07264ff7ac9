"""What an act on a device asks of its parts, in which order, and what the sweep leaves to the next; on fakes."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.domain.device_life import Act, Life, Transition
from scheduler.domain.errors import AllocationNotActive, DeviceNotRestorable, SchedulerError, Unavailable
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts
from scheduler.service.device_life import DeviceLife
from tests.support.fake_meter import FakeMeter

FACTS: Facts = {
    **dict.fromkeys(("lifeReason", "lifeChangedAt", "recyclingSince", "tenantId", "host", "model", "busyUntil")),
    **dict.fromkeys(("activeAllocationId", "lastAllocatedAt", "nextReservation", "heartbeat")),
    **dict.fromkeys(("id", "name", "deviceType", "adbHost"), "phone-1"),
    **dict.fromkeys(("cpuCores", "memoryMB", "storageMB", "adbPort"), 1),
    **{"status": "running", "failuresInRow": 0, "labels": {}, "createdAt": "2026-03-02T12:00:00Z"},
}


@dataclass
class FakeFleet:
    """Devices whose lives are told beforehand; notes what was asked, and whom it was asked to leave."""

    life: Life = Life.IN_SERVICE
    outcome: str = "changed"
    late: Sequence[str] = ()
    uncleared: Sequence[str] = ()
    failing: dict[str, SchedulerError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def change(self, device_id: str, transition: Transition, reason: str | None, key: RequestKey | None) -> Facts:
        self.asked.append(f"{device_id} to {transition.to}: {reason}")
        return {"outcome": self.outcome, "device": {**FACTS, "life": self.life}}

    def to_clear(self, limit: int) -> Sequence[tuple[str, str]]:
        return [(device_id, "dust") for device_id in self.uncleared[:limit]]

    def quarantine_unrecycled(self, limit: int) -> Sequence[str]:
        return self.late[:limit]

    def leave_device(self, device_id: str, reason: str) -> Facts | None:
        self.asked.append(f"leave {device_id}: {reason}")
        if device_id in self.failing:
            raise self.failing[device_id]
        return None


def life_of(fleet: Any, meter: FakeMeter | None = None) -> DeviceLife:
    return DeviceLife(fleet, fleet, NoCache(), meter or FakeMeter())


def test_nobody_is_lent_a_device_any_more_before_what_runs_on_it_is_moved() -> None:
    fleet = FakeFleet(Life.QUARANTINED)

    life_of(fleet).act(Act.QUARANTINE, "phone-1", by="op", reason="dust")

    assert fleet.asked == ["phone-1 to quarantined: dust", "leave phone-1: dust"]


def test_an_act_that_was_cut_goes_on_when_it_is_asked_for_again() -> None:
    fleet = FakeFleet(Life.QUARANTINED, outcome="unchanged")

    life_of(fleet).act(Act.QUARANTINE, "phone-1", by="op")

    assert fleet.asked[1:] == ["leave phone-1: Quarantined by an operator"]


@pytest.mark.parametrize("act", [Act.DRAIN, Act.RESTORE, Act.RECYCLED])
def test_the_other_acts_let_go_on_what_runs(act: Act) -> None:
    fleet = FakeFleet()

    assert life_of(fleet).act(act, "phone-1", by="op").life == Life.IN_SERVICE

    assert len(fleet.asked) == 1


def test_only_a_restore_that_has_nothing_to_restore_is_refused() -> None:
    life = life_of(FakeFleet(outcome="unchanged"))

    assert life.act(Act.RECYCLED, "phone-1", by="op").life == Life.IN_SERVICE
    with pytest.raises(DeviceNotRestorable, match="in service"):
        life.act(Act.RESTORE, "phone-1", by="op")


def test_what_ended_meanwhile_needs_no_other_device() -> None:
    fleet = FakeFleet(Life.DELETED, failing={"phone-1": AllocationNotActive()})

    life_of(fleet).act(Act.DELETE, "phone-1", by="op")


def test_a_sweep_is_bounded_and_one_device_that_cannot_be_cleared_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    many = [f"phone-{n}" for n in range(150)]
    meter, fleet = FakeMeter(), FakeFleet(late=many, uncleared=many, failing={"phone-0": Unavailable()})

    with caplog.at_level(logging.WARNING):
        assert life_of(fleet, meter).sweep() == 100

    assert fleet.asked == [f"leave phone-{n}: dust" for n in range(100)]
    assert meter.counted["DeviceQuarantined"] == 100
    (left,) = [vars(record) for record in caplog.records if record.message == "device not cleared"]
    assert (left["deviceId"], left["code"]) == ("phone-0", "unavailable")
