"""Events kept for webhooks: the tenant's own, as they are, and none that nobody can read."""

import json
import uuid

import pytest

from scheduler.service.webhook_announcer import UnreadableEvent, WebhookAnnouncer
from tests.support.fake_meter import FakeMeter

EVENT = {
    "specversion": "1.0",
    "id": str(uuid.UUID(int=7)),
    "type": "device.released",
    "source": "/scheduler",
    "data": {"tenantId": "acme", "userId": "Zoë"},
}


class Spread:
    """Remembers what was kept for whom."""

    def __init__(self, missed: int = 0) -> None:
        self.missed = missed
        self.calls: list[tuple[str, ...]] = []

    def spread(self, *call: str) -> dict[str, int]:
        self.calls.append(call)
        return {"kept": 1, "missed": self.missed}


def test_an_event_is_kept_for_its_tenant_as_it_came():
    spread = Spread()

    WebhookAnnouncer(spread, FakeMeter()).announce(EVENT)

    ((tenant, event_id, event_type, body),) = spread.calls
    assert (tenant, event_id, event_type) == ("acme", EVENT["id"], "device.released")
    assert json.loads(body) == EVENT


@pytest.mark.parametrize("data", [{}, {"tenantId": None}, {"tenantId": ""}])
def test_an_event_without_a_tenant_is_nobodys(data):
    spread = Spread()

    WebhookAnnouncer(spread, FakeMeter()).announce(EVENT | {"data": data})

    assert spread.calls == []


@pytest.mark.parametrize(
    "broken",
    [{"id": "7"}, {"id": None}, {"type": 7}, {"data": None}, {"data": []}, {"data": {"tenantId": 7}}],
    ids=json.dumps,
)
def test_a_broken_event_is_told_without_what_it_holds(broken):
    with pytest.raises(UnreadableEvent, match=r"^no event: [a-zA-Z ]+$"):
        WebhookAnnouncer(Spread(), FakeMeter()).announce(EVENT | broken)


def test_events_that_a_webhook_has_no_room_for_are_counted():
    meter = FakeMeter()

    WebhookAnnouncer(Spread(missed=2), meter).announce(EVENT)

    assert meter.counted == {"WebhooksMissed": 2}
