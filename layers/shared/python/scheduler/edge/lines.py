"""How a line of the log and a line of metrics are written: as Powertools writes them, at a fraction of the work.

Its formatter copies each record, compares each of its members with a list of names, and tries to read each message as
JSON; its metrics describe themselves to a debug log that nobody reads. Every request pays for that several times.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS, LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.constants import MAX_METRICS

from scheduler.discretion import discreet

_OF_EVERY_RECORD = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | frozenset(RESERVED_LOG_ATTRS)
_MOST_FRAMES = 64
_fast = msgspec.json.Encoder(enc_hook=str).encode
_tolerant = json.JSONEncoder(default=str, separators=(",", ":")).encode


def _encode(entry: Mapping[str, Any]) -> str:
    """Write JSON in one line, whatever is in it: half a surrogate pair must not cost the line."""
    try:
        return _fast(entry).decode()
    except (TypeError, ValueError, OverflowError):
        return _tolerant(entry)


def line(entry: Mapping[str, Any]) -> str:
    """Write one line of the log, tracebacks included; nothing in it has the shape of an address or a secret."""
    return discreet(_encode(entry))


class LineFormatter(LambdaPowertoolsFormatter):
    """Powertools' own lines; only a message that is JSON stays the text that it is."""

    def __init__(self) -> None:
        """Write by `line`."""
        super().__init__(json_serializer=line)
        self._second, self._until_second, self._zone = -1, "", ""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; one with a traceback as Powertools does."""
        if record.exc_info:
            return super().format(record)
        told: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": self.formatTime(record),
        }
        told |= {name: value for name, value in self.log_format.items() if name not in told}
        told |= {name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD}
        told["xray_trace_id"] = self._get_latest_trace_id()
        return line({name: value for name, value in told.items() if value is not None})

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802  its own
        """Write when it was, in Powertools' form; a second is written once."""
        if (second := int(record.created)) != self._second:
            written = time.strftime("%Y-%m-%d %H:%M:%S,|%z", self.converter(record.created))
            self._second, (self._until_second, self._zone) = second, written.split("|")
        return f"{self._until_second}{int(record.msecs):03}{self._zone}"


class LineMetrics(AmazonCloudWatchEMFProvider):
    """Powertools' own metrics; a name and unit that it has taken once are not looked at again."""

    def __init__(self, **options: Any) -> None:
        """Take what its own provider takes."""
        super().__init__(**options)
        self._taken: set[tuple[str, str]] = set()
        self._silent = is_metrics_disabled()
        self._frames: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}

    def add_metric(self, name: str, unit: str, value: float, resolution: int = 60) -> None:  # type: ignore[override]
        """Add a value of a metric."""
        known = self.metric_set.get(name)
        full = len(self.metric_set) >= MAX_METRICS - 1 or (known and len(known["Value"]) >= MAX_METRICS - 1)
        if full or (name, unit) not in self._taken:
            super().add_metric(name, unit, value, resolution)
            self._taken.add((name, unit))
        elif known:
            known["Value"].append(float(value))
        else:
            self.metric_set[name] = {"Unit": unit, "StorageResolution": resolution, "Value": [float(value)]}

    def flush_metrics(self, raise_on_empty_metrics: bool = False) -> None:  # noqa: ARG002  its own
        """Write what there is, and begin anew; the dimension stays."""
        if self.metric_set and not self._silent:
            sys.stdout.write(_encode(self._entry()) + "\n")
            self.metric_set.clear()

    def _entry(self) -> dict[str, Any]:
        """Give what Powertools would write; what the same names were framed in before is not made again."""
        names = tuple([(name, metric["Unit"]) for name, metric in self.metric_set.items()])
        if names not in self._frames:
            if len(self._frames) >= _MOST_FRAMES:
                self._frames.clear()
            self._frames[names] = dict(self.serialize_metric_set())
        frame = self._frames[names]
        frame["_aws"]["Timestamp"] = int(time.time() * 1000)
        for name, metric in self.metric_set.items():
            frame[name] = metric["Value"]
        return frame
