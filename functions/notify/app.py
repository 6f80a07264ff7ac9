"""Notices: made of the events of their queue; listed, read and chosen over HTTP."""

from collections.abc import Mapping
from typing import Any

import notifications
import preferences
from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.http import Api, lambda_entry
from scheduler.edge.queue import consuming
from scheduler.runtime.notices import get_notifier

app = Api()
app.include(notifications.routes)
app.include(preferences.routes)

answer_request = lambda_entry(app)
answer_queue = consuming(lambda event: get_notifier().notify(event))


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, or make the notices of a batch of events."""
    return answer_request(event, context) if "requestContext" in event else answer_queue(event, context)
