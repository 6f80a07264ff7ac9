"""Webhooks: their routes; the queue of events, which keeps each for those that want it; and each minute the sending."""

from collections.abc import Mapping
from typing import Any

import webhooks
from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.http import Api, lambda_entry
from scheduler.edge.queue import consuming
from scheduler.edge.schedule import scheduled
from scheduler.runtime.webhooks import get_webhook_announcer, get_webhook_sender
from scheduler.settings import settings

app = Api()
app.include(webhooks.routes)

answer_request = lambda_entry(app)
answer_events = consuming(lambda event: get_webhook_announcer().announce(event))
answer_schedule = scheduled(lambda: get_webhook_sender().run(settings().webhook_seconds))


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, keep events, or send when the schedule calls."""
    if "requestContext" in event:
        return answer_request(event, context)
    if "Records" in event:
        return answer_events(event, context)
    return answer_schedule(event, context)
