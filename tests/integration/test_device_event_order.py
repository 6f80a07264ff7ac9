"""Events about a device that come twice, late and in any order leave it as they leave it in order."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.catalogue import read_event
from scheduler.domain.incoming import DeviceDeleted, DeviceFailed, DeviceMaintenance
from scheduler.domain.model import DeviceStatus
from scheduler.runtime.interventions import get_incidents
from tests.support.contenders import add_devices
from tests.support.incoming import DATA, NOON, envelope, message

KINDS = ["device.failed", "device.status_changed", "device.status_changed", "device.maintenance", "device.deleted"]

devices = itertools.count()
told = st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.sampled_from(list(DeviceStatus)))  # type, second, status
told_often = st.lists(told, min_size=1, max_size=5).flatmap(
    lambda events: st.tuples(
        st.just(events), st.lists(st.sampled_from(range(len(events))), max_size=3), st.randoms(use_true_random=False)
    )
)

type Told = tuple[str, int, DeviceStatus]


def deliver(device_id: str, events: Sequence[tuple[int, Told]]) -> None:
    """Apply events, each known by its number, in the order given."""
    incidents = get_incidents()
    for number, (kind, second, status) in events:
        data = {**DATA[kind], "deviceId": device_id, "newStatus": status}
        at = (NOON + timedelta(seconds=second)).isoformat()
        sent = message(envelope(kind, id=f"{device_id}-{number}", time=at, data=data), datetime.now(UTC))
        match read_event(sent):
            case DeviceFailed() as event:
                incidents.failed(event)
            case DeviceMaintenance() as event:
                incidents.maintenance(event)
            case DeviceDeleted() as event:
                incidents.deleted(event)
            case event:
                incidents.status_changed(event)  # type: ignore[arg-type]


def left_by(database: Database, events: Sequence[tuple[int, Told]]) -> str:
    """Tell what events leave of a new device: its status, or that it is gone."""
    (device_id,) = add_devices(database, 1, prefix=f"phone-{next(devices)}")
    deliver(device_id, events)
    left: str = database.call(
        "SELECT CASE life WHEN 'deleted' THEN life ELSE life || ' ' || status END FROM devices WHERE id = %(id)s",
        {"id": device_id},
    )
    return left


def test_the_order_of_events_does_not_matter(environment: pytest.MonkeyPatch, database: Database) -> None:
    @settings(max_examples=120)
    @given(told_often)
    def same_in_any_order(case: Any) -> None:
        events, repeated, shuffling = case
        in_order = sorted(enumerate(events), key=lambda numbered: numbered[1][1])
        late_and_often = in_order + [in_order[index] for index in repeated]
        shuffling.shuffle(late_and_often)

        assert left_by(database, in_order) == left_by(database, late_and_often)

    same_in_any_order()
