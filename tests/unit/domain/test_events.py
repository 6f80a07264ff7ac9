"""An event goes out as CloudEvents 1.0 JSON."""

from datetime import UTC, datetime

from scheduler.domain.events import OutboxEvent


def test_an_envelope_has_all_that_cloudevents_ask_for() -> None:
    event = OutboxEvent(
        position=7,
        id="0c7b3b8e-3f1f-4f53-9d3a-6a4a3f0a6a11",
        type="device.released",
        subject="phone-1",
        group_id="phone-1",
        occurred_at=datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC),
        data={"deviceId": "phone-1"},
    )

    assert event.envelope() == {
        "specversion": "1.0",
        "id": "0c7b3b8e-3f1f-4f53-9d3a-6a4a3f0a6a11",
        "type": "device.released",
        "source": "/scheduler",
        "subject": "phone-1",
        "time": "2026-03-02T12:00:00.123456Z",
        "datacontenttype": "application/json",
        "data": {"deviceId": "phone-1"},
    }
