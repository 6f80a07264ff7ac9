"""Billing: tells the billing service what the queue behind the topic says, and answers GET /scheduler/usage."""

from collections.abc import Mapping
from typing import Any

import usage
from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.http import Api, lambda_entry
from scheduler.edge.queue import consuming
from scheduler.runtime.billing import get_biller

app = Api()
app.include(usage.routes)

answer_request = lambda_entry(app)
deliver = consuming(lambda event: get_biller().deliver(event))


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, or deliver what messages tell of."""
    return answer_request(event, context) if "requestContext" in event else deliver(event, context)
