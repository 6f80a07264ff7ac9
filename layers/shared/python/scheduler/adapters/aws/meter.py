"""Metrics as CloudWatch Embedded Metric Format lines on standard output."""

from aws_lambda_powertools import Metrics


class EmfMeter:
    """Collects metrics; the edge flushes them once an invocation."""

    def __init__(self, metrics: Metrics) -> None:
        """Add to one collection."""
        self._metrics = metrics

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
        self._metrics.add_metric(name=name, unit="Count", value=value)

    def observe(self, name: str, value: float, unit: str) -> None:
        """Note a measured value."""
        self._metrics.add_metric(name=name, unit=unit, value=value)
