"""Structured logs and metrics of one invocation."""

import logging
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from scheduler.acting import on_nobodys_behalf
from scheduler.discretion import request_id
from scheduler.edge.lines import LineFormatter, LineMetrics

_lines = LineFormatter()
logger = Logger(service="scheduler", logger_formatter=_lines)
metrics = Metrics(provider=LineMetrics(namespace="CloudPhoneScheduler", service="scheduler"))


class invocation:  # noqa: N801  it is called like a function
    """Gives every log line of the invocation its correlation id, and flushes the metrics at the end."""

    __slots__ = ("_behalf", "_correlation_id", "_function")

    def __init__(self, event: Mapping[str, Any], context: Any) -> None:
        """Take what Lambda passes."""
        self._correlation_id = correlation_id(event)
        self._function = getattr(context, "function_name", None)
        self._behalf = on_nobodys_behalf()

    def __enter__(self) -> Logger:
        """Begin on nobody's behalf."""
        _lines.append_keys(correlation_id=self._correlation_id, functionName=self._function)
        self._behalf.__enter__()
        return logger

    def __exit__(self, *_: object) -> None:
        """Forget whose request it was."""
        self._behalf.__exit__()
        metrics.flush_metrics()
        _lines.remove_keys(["correlation_id"])


def correlation_id(event: Mapping[str, Any]) -> str | None:
    """Give the caller's own id of a request if it is one, else the one that it got on its way here."""
    headers = event.get("headers") or {}
    given = headers.get("x-correlation-id")
    own = (event.get("requestContext") or {}).get("requestId") or event.get("id")
    return (request_id(str(given)) if given else None) or own


logging.getLogger("scheduler").setLevel(logger.log_level)
# No line tells them, and each record would look them up.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # its stub does not know it
