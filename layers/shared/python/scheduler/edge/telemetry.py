"""Structured logs and metrics of one invocation."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from scheduler.acting import on_nobodys_behalf
from scheduler.discretion import request_id
from scheduler.edge.lines import LineFormatter, LineMetrics

logger = Logger(service="scheduler", logger_formatter=LineFormatter())
metrics = Metrics(provider=LineMetrics(namespace="CloudPhoneScheduler", service="scheduler"))


@contextmanager
def invocation(event: Mapping[str, Any], context: Any) -> Iterator[Logger]:
    """Give every log line of the invocation its correlation id, and flush the metrics at the end."""
    logger.append_keys(correlation_id=correlation_id(event), functionName=getattr(context, "function_name", None))
    try:
        with on_nobodys_behalf():
            yield logger
    finally:
        metrics.flush_metrics()
        logger.remove_keys(["correlation_id"])


def correlation_id(event: Mapping[str, Any]) -> str | None:
    """Give the caller's own id of a request if it is one, else the one that it got on its way here."""
    headers = event.get("headers") or {}
    given = headers.get("x-correlation-id")
    own = (event.get("requestContext") or {}).get("requestId") or event.get("id")
    return (request_id(str(given)) if given else None) or own


logging.getLogger("scheduler").setLevel(logger.log_level)
