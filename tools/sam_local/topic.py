"""Where the functions publish during a check, and what reached it."""

from tools.embedded.aws import LocalAws

_MAX_PAGES = 20


class Topic:
    """A FIFO topic, and a queue that receives all that is published to it."""

    def __init__(self, aws: LocalAws) -> None:
        """Create both."""
        sns, self._sqs = aws.client("sns"), aws.client("sqs")
        self._queue_url = self._sqs.create_queue(QueueName="published.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn: str = sns.create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue["QueueArn"], Attributes=raw)

    def take_types(self) -> list[str]:
        """Take what reached the queue, and return the `type` attributes in order."""
        types: list[str] = []
        for _ in range(_MAX_PAGES):
            page = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["type"]
            )
            messages = page.get("Messages", [])
            if not messages:
                break
            for message in messages:
                types.append(message["MessageAttributes"]["type"]["StringValue"])
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        return types
