"""The reconciliation: each day proves that the usage records are the ended allocations; a run that is cut goes on."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.schedule import scheduled
from scheduler.runtime.billing import get_reconciler


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Work as long as the invocation has time."""
    run = scheduled(lambda: get_reconciler().run(lambda: context.get_remaining_time_in_millis() / 1000))
    return run(event, context)
