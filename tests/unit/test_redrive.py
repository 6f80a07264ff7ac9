"""Parked messages go back to their queue as they were: by SQS where it can, else one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tools import redrive
from tools.redrive import Queues, RedriveError
from tools.region import template


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("STACK", raising=False)
    with mock_aws():
        yield


class Emulated:
    """SQS without the task that moves messages."""

    def __init__(self, sqs: Any, code: str = "InvalidAction") -> None:
        self._sqs = sqs
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def start_message_move_task(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "StartMessageMoveTask")


@dataclass
class Tasks(Emulated):
    """SQS whose task goes through these states."""

    sqs: Any
    states: Sequence[dict[str, Any]]
    started: dict[str, Any] = field(default_factory=dict)
    asked: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sqs, name)

    def start_message_move_task(self, **arns: Any) -> None:
        self.started = arns

    def list_message_move_tasks(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        return {"Results": [self.states[min(self.asked, len(self.states)) - 1]]}


@dataclass
class Stack:
    """CloudFormation with one stack."""

    name: str
    resources: dict[str, str]

    def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        if StackName != self.name:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no stack"}}, "DescribeStackResource")
        return {"StackResourceDetail": {"PhysicalResourceId": self.resources[LogicalResourceId]}}


@pytest.fixture
def sqs() -> Any:
    return boto3.client("sqs")


@pytest.fixture
def queues(sqs: Any) -> Queues:
    parked, source = (
        sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        for name in ("parked", "source")
    )
    return Queues(parked, source)


def park(sqs: Any, queues: Queues, count: int) -> None:
    for number in range(count):
        sqs.send_message(
            QueueUrl=queues.parked,
            MessageBody=f"body {number}",
            MessageGroupId=f"group {number % 3}".replace(" ", "-"),
            MessageDeduplicationId=str(number),
            MessageAttributes={
                "reason": {"DataType": "String", "StringValue": "unknown type"},
                "type": {"DataType": "String", "StringValue": "user.suspended"},
            },
        )


def arrived(sqs: Any, url: str) -> list[tuple[str, str, set[str]]]:
    found = []
    while True:
        page = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["MessageGroupId"],
        ).get("Messages", [])
        if not page:
            return sorted(found)
        for message in page:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            group = message["Attributes"]["MessageGroupId"]
            found.append((message["Body"], group, set(message.get("MessageAttributes", {}))))


def test_where_sqs_has_no_task_each_message_is_sent_as_it_was(sqs: Any, queues: Queues) -> None:
    park(sqs, queues, 23)
    told: list[int] = []

    assert redrive.redrive(Emulated(sqs), queues, 100, told.append) == 23

    assert told == list(range(1, 24))
    assert arrived(sqs, queues.source) == sorted((f"body {n}", f"group-{n % 3}", {"type"}) for n in range(23))
    assert arrived(sqs, queues.parked) == []


def test_no_more_are_moved_than_asked_for(sqs: Any, queues: Queues) -> None:
    park(sqs, queues, 12)

    assert redrive.redrive(sqs, queues, 11, lambda _: None) == 11

    assert len(arrived(sqs, queues.source)) == 11


def test_where_nothing_is_parked_nothing_is_moved(sqs: Any, queues: Queues) -> None:
    assert redrive.redrive(sqs, queues, 10, lambda _: None) == 0


def test_sqs_is_told_where_to_and_watched_until_it_is_done(sqs: Any, queues: Queues) -> None:
    park(sqs, queues, 2)
    tasks = Tasks(
        sqs,
        [
            {"Status": "RUNNING", "ApproximateNumberOfMessagesMoved": 1},
            {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 2},
        ],
    )
    told: list[int] = []

    assert redrive.redrive(tasks, queues, 10, told.append, pause=lambda _: None) == 2

    assert told == [1, 2]
    assert {name: arn.rpartition(":")[2] for name, arn in tasks.started.items()} == {
        "SourceArn": "parked.fifo",
        "DestinationArn": "source.fifo",
    }


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"Status": "FAILED", "FailureReason": "CouldNotDetermineMessageSource"}, "CouldNotDetermineMessageSource"),
        ({"Status": "RUNNING"}, "still moving"),
    ],
)
def test_a_task_that_does_not_end_well_is_told(sqs: Any, queues: Queues, state: dict[str, Any], reason: str) -> None:
    park(sqs, queues, 1)

    with pytest.raises(RedriveError, match=reason):
        redrive.redrive(Tasks(sqs, [state]), queues, 10, lambda _: None, pause=lambda _: None)


def test_a_refusal_of_aws_is_no_missing_task(sqs: Any, queues: Queues) -> None:
    park(sqs, queues, 1)

    with pytest.raises(ClientError):
        redrive.redrive(Emulated(sqs, "AccessDenied"), queues, 10, lambda _: None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say which queue: make redrive QUEUE=…, one of "),
        (["Nowhere"], "say which queue"),
        (["EventsIn", "--limit", "0"], "--limit must be 1 or more"),
        (["EventsIn", "--stack", "gone"], "AWS does not do it: An error occurred (ValidationError)"),
    ],
)
def test_what_is_wrong_is_said(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(redrive, "_client", lambda _: Stack("mine", {}))

    assert redrive.main(arguments) == 2

    assert told in capsys.readouterr().err


def test_it_names_the_queues_of_the_template(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        redrive.main(["--help"])

    assert {"EventsIn", "Usage", "Dispatch"} <= set(redrive.queue_names())
    assert "EventsIn" in capsys.readouterr().out


def test_the_stack_is_asked_for_its_queues(
    sqs: Any, queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    park(sqs, queues, 3)
    stack = Stack("mine", {"UsageDeadLetters": queues.parked, "UsageQueue": queues.source})
    monkeypatch.setattr(redrive, "_client", {"sqs": Emulated(sqs), "cloudformation": stack}.get)

    assert redrive.main(["Usage", "--stack", "mine"]) == 0

    assert "3 messages went back to UsageQueue" in capsys.readouterr().out


def test_what_can_be_redriven_by_hand_can_be_over_http() -> None:
    given = template.functions(template.load())["InterveneFunction"]["Environment"]["Variables"]["DEAD_LETTERS"]
    _, entries = given["Fn::Join"]

    assert sorted(entry["Fn::Sub"] for entry in entries) == [
        f"{name}=${{{name}DeadLetters}},${{{name}Queue}}" for name in redrive.queue_names()
    ]
