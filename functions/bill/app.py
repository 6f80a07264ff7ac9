"""Billing: tells the billing service what the queue behind the topic says, reports, and reconciles each day."""

from collections.abc import Mapping
from typing import Any

import usage
from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.http import create_api, lambda_entry
from scheduler.edge.queue import consuming
from scheduler.edge.schedule import scheduled
from scheduler.runtime.billing import get_biller, get_reconciler

app = create_api()
app.include_router(usage.router)

answer_request = lambda_entry(app)
deliver = consuming(lambda event: get_biller().deliver(event))


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, deliver what messages tell of, or reconcile when a schedule calls."""
    if "requestContext" in event:
        return answer_request(event, context)
    if "Records" in event:
        return deliver(event, context)
    sweep = scheduled(lambda: get_reconciler().run(lambda: context.get_remaining_time_in_millis() / 1000))
    return sweep(event, context)
