"""Scheduled functions: a sweep in, its figures out."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.smoke import answering_smoke
from scheduler.edge.telemetry import invocation

type ScheduledHandler = Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]


def scheduled(sweep: Callable[[], Mapping[str, Any]]) -> ScheduledHandler:
    """Make the Lambda handler of a sweep. A failure is raised, so that the schedule's retry and alarm see it."""

    def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        with invocation(event, context) as log:
            figures = sweep()
            log.info("swept", extra={"figures": dict(figures)})
            return figures

    return answering_smoke(handler)
