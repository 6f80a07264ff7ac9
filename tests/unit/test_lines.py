"""Lines of the log and of metrics are Powertools' own, only made with less work."""

import json
import logging
import sys
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.exceptions import MetricUnitError

from scheduler.edge.lines import LineFormatter, LineMetrics, line

NAMES = {"namespace": "CloudPhoneScheduler", "service": "scheduler"}


def record(message: str = "granted", *arguments: object, **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("scheduler.test")
    return logger.makeRecord(
        logger.name, logging.WARNING, "app.py", 7, message, arguments, extra.pop("trouble", None), "allocate", extra
    )


def trouble() -> Any:
    try:
        raise ValueError("no")
    except ValueError:
        return sys.exc_info()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(record(), id="a message"),
        pytest.param(record("%s of %d", "one", 2), id="with arguments"),
        pytest.param(record(userId="alice", minutes=30, nothing=None, list=[1, 2]), id="with members"),
        pytest.param(record(service="another", correlation_id="own"), id="members that are there already"),
        pytest.param(record("failed", trouble=trouble()), id="with a traceback"),
    ],
)
def test_a_line_of_the_log_is_powertools_own(said: logging.LogRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    own, powertools = LineFormatter(), LambdaPowertoolsFormatter(json_serializer=line)
    for formatter in (own, powertools):
        formatter.append_keys(service="scheduler", correlation_id="request-1", functionName=None)

    assert own.format(said) == powertools.format(said)


def test_a_message_that_is_json_stays_a_text() -> None:
    assert json.loads(LineFormatter().format(record('{"a": 1}')))["message"] == '{"a": 1}'


def test_a_second_is_told_as_powertools_tells_it_whatever_came_before() -> None:
    own, powertools = LineFormatter(), LambdaPowertoolsFormatter(json_serializer=line)
    for created in (1_700_000_000.001, 1_700_000_000.9996, 1_700_000_001.5, 1_700_000_000.0):
        said = record()
        said.created, said.msecs = created, created % 1 * 1000

        assert own.format(said) == powertools.format(said)


def test_what_cannot_be_written_does_not_cost_the_line() -> None:
    written = json.loads(LineFormatter().format(record(half="\ud800", large=2**70, odd={1: object})))

    assert (written["half"], written["large"], written["message"]) == ("\ud800", 2**70, "granted")


def test_letters_are_written_as_they_are() -> None:
    assert "Gerät" in LineFormatter().format(record(model="Gerät"))


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    for each in lines:
        each["_aws"].pop("Timestamp")
    return lines


def test_metrics_are_powertools_own_invocation_after_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    def write(metrics: AmazonCloudWatchEMFProvider) -> list[dict[str, Any]]:
        for number in range(3):
            metrics.add_metric("LockWait", "Milliseconds", 0.5)
            metrics.add_metric("Granted", "Count", number)
            metrics.add_metric("Granted", "Count", 1)
            metrics.flush_metrics()
        return written(capsys)

    assert write(LineMetrics(**NAMES)) == write(AmazonCloudWatchEMFProvider(**NAMES))


def test_more_than_a_line_may_hold_goes_out_before(capsys: pytest.CaptureFixture[str]) -> None:
    def write(metrics: AmazonCloudWatchEMFProvider) -> list[dict[str, Any]]:
        for number in range(250):
            metrics.add_metric("Granted", "Count", number)
        for number in range(130):
            metrics.add_metric(f"Kind{number}", "Count", number)
        metrics.flush_metrics()
        return written(capsys)

    metrics = LineMetrics(**NAMES)

    assert write(metrics) == write(AmazonCloudWatchEMFProvider(**NAMES))
    assert write(metrics) == write(AmazonCloudWatchEMFProvider(**NAMES)), "once names are known"


def test_without_metrics_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    LineMetrics(**NAMES).flush_metrics()

    assert capsys.readouterr().out == ""


def test_an_unknown_unit_is_refused() -> None:
    metrics = LineMetrics(**NAMES)
    metrics.add_metric("LockWait", "Milliseconds", 1)

    with pytest.raises(MetricUnitError):
        metrics.add_metric("LockWait", "Moments", 1)
