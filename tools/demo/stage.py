"""The running region as the demo uses it: requests with tokens, events in, and patience with a bound."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3

from tools.demo.cast import Cast
from tools.region.issuer import Issuer

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.25
_TIMEOUT_SECONDS = 35


class Surprise(Exception):
    """Something is not as the story says."""


class Stage:
    """Calls the API as the tenant's service, as one of its users, or as the operator."""

    def __init__(self, environment: Mapping[str, str], issuer: Issuer, cast: Cast) -> None:
        """Take the variables of the region's `env` file, and the issuer that signs its tokens."""
        self.environment = environment
        self.cast = cast
        self._issuer = issuer
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_SECONDS)
        self._service = issuer.token("demo", cast.tenant_id, "scheduler.service")
        self._queues: Any = None

    def ask(self, method: str, path: str, body: Any = None, *, user: str = "") -> tuple[int, Any]:
        """Send one request as the tenant's service, or as the user of this name; return status and document."""
        token = self._issuer.token(self.cast.user_id(user), self.cast.tenant_id) if user else self._service
        return self._send(method, path, body, token)

    def call(self, method: str, path: str, body: Any = None, *, user: str = "") -> Any:
        """Send one request that must succeed; return its document.

        Raises:
            Surprise: It was refused.
        """
        return accepted(method, path, self.ask(method, path, body, user=user))

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request of the operator that must succeed; return its document.

        Raises:
            Surprise: It was refused.
        """
        return accepted(method, path, self._send(method, path, body, self.environment["OPERATOR_TOKEN"]))

    def refused(self, method: str, path: str, body: Any, *, code: str) -> None:
        """Send one request that must be refused with this code.

        Raises:
            Surprise: It was not.
        """
        status, document = self.ask(method, path, body)
        told = document.get("code") if isinstance(document, dict) else None
        expect(told == code, f"{method} {path} answered {status} {told or ''}, not {code}")

    def send_event(self, event_type: str, group: str, data: Mapping[str, Any], ago_seconds: float = 0) -> None:
        """Send what happened so long ago to the scheduler's queue of events from outside, in the order of its group."""
        happened_at = datetime.now(UTC) - timedelta(seconds=ago_seconds)
        event_id = str(uuid.uuid4())
        event = {
            **{"specversion": "1.0", "id": event_id, "type": event_type, "source": "/demo", "subject": group},
            **{"time": happened_at.isoformat(), "datacontenttype": "application/json", "data": data},
        }
        self._sqs().send_message(
            QueueUrl=self.environment["EVENTS_IN_QUEUE_URL"],
            MessageBody=json.dumps(event),
            MessageGroupId=group,
            MessageDeduplicationId=event_id,
        )

    def until[T](self, what: str, read: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
        """Read again and again until there is something; return it.

        Raises:
            Surprise: The time is over.
        """
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            found = read()
            if found is not None:
                return found
            time.sleep(_POLL_SECONDS)
        raise Surprise(f"{what}: not within {seconds:.0f} s")

    def neighbour(self, variable: str, path: str) -> Any:
        """Read from a service next door that runs beside the region; None when it does not."""
        if variable not in self.environment:
            return None
        reply = self._http.request("GET", self.environment[variable] + path)
        return reply.json()

    def _send(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.environment['API_URL']}/scheduler{path}"
        try:
            reply = self._http.request(method, url, json=body, headers=headers)
        except urllib3.exceptions.HTTPError as problem:
            raise Surprise(f"{method} {path} got no answer: {type(problem).__name__}") from problem
        try:
            return reply.status, reply.json()
        except ValueError:
            return reply.status, None

    def _sqs(self) -> Any:
        if self._queues is None:
            import boto3

            self._queues = boto3.client(
                "sqs",
                endpoint_url=self.environment["AWS_ENDPOINT_URL"],
                region_name=self.environment["AWS_DEFAULT_REGION"],
                aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            )
        return self._queues


def expect(holds: bool, otherwise: str) -> None:
    """Go on when this holds.

    Raises:
        Surprise: It does not; the text says what is the matter.
    """
    if not holds:
        raise Surprise(otherwise)


def accepted(method: str, path: str, answer: tuple[int, Any]) -> Any:
    """Return the document of an answer that says yes.

    Raises:
        Surprise: It says no.
    """
    status, document = answer
    if status >= 300:
        told = document if isinstance(document, dict) else {}
        why = " ".join(str(told[name]) for name in ("code", "detail", "message", "errors") if told.get(name))
        raise Surprise(f"{method} {path} answered {status} {why}".rstrip())
    return document
