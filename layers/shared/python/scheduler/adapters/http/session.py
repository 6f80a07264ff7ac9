"""HTTP exchanges that end in time, whatever the other side does: be silent, drip bytes, or never stop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from scheduler.adapters.http.background import in_background
from scheduler.adapters.http.cuttable import CuttableAdapter, Exchange

LARGEST_BODY_BYTES = 64 * 1024

_TROUBLE = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)


class ServiceFailed(Exception):
    """A neighbour gave no usable answer. The text holds no address, no token and nothing that it sent."""


class NoAnswer(ServiceFailed):
    """The connection failed, or the time was over."""


class AnswerTooLong(ServiceFailed):
    """The answer began well, and is longer than 64 KB."""

    def __init__(self, status: int) -> None:
        """Keep its status, for whom that is enough."""
        super().__init__("the answer is too long")
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. The path of `url` is sent as it stands, percent-encoded already.

    `document` is the JSON body; or `content` is the body, byte for byte.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    document: Mapping[str, Any] | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. A redirect is an answer like others."""

    status: int
    body: bytes
    told_at: float | None = None
    """When, by the other side's clock: seconds since 1970."""


class BoundedSession:
    """Sends requests over kept connections and waits no longer than it is told to."""

    def __init__(self, adapter: Callable[[], HTTPAdapter] = CuttableAdapter, authorities: str | None = None) -> None:
        """Prepare a session; nothing is opened before the first request.

        Args:
            adapter: Makes what opens the connections.
            authorities: File of certificates that servers are verified by; None: those of requests.
        """
        self._session = requests.Session()
        # The environment's proxies and .netrc are meant for other programs, and reading them costs time.
        self._session.trust_env = False
        self._session.mount("http://", adapter())
        self._session.mount("https://", adapter())
        self._session.verify = authorities or True

    def send(self, request: Request, seconds: float) -> Answer:
        """Exchange a request for an answer.

        requests bounds the wait for each packet, and name lookups not at all. So a second thread does the work, and
        this one gives up on it when the time is over.

        Args:
            request: What is asked.
            seconds: For all of it: name lookup, connection, sending, the last byte of the answer.

        Raises:
            NoAnswer: The connection failed, or the time was over.
            AnswerTooLong: It is longer than 64 KB.
        """
        exchange = Exchange()
        work = in_background(lambda: self._exchange(exchange, request, seconds))
        try:
            return work.result(seconds)
        except TimeoutError:
            exchange.cut()
            raise NoAnswer("no complete answer in time") from None
        except _TROUBLE as error:
            raise NoAnswer(type(error).__name__) from None  # its own text would tell the address

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _exchange(self, exchange: Exchange, request: Request, seconds: float) -> Answer:
        exchange.begin()
        headers = {"Accept-Encoding": "identity", **request.headers}
        prepared = self._session.prepare_request(
            requests.Request(request.method, request.url, headers=headers, json=request.document, data=request.content)
        )
        prepared.url = request.url  # preparing decodes %2E, and a user called ".." would climb the path
        with self._session.send(prepared, timeout=seconds, stream=True, allow_redirects=False) as response:
            body = response.raw.read(LARGEST_BODY_BYTES + 1, decode_content=False)
            if len(body) > LARGEST_BODY_BYTES:
                raise AnswerTooLong(response.status_code)
            return Answer(response.status_code, body, _time_of(response.headers.get("Date", "")))


def _time_of(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
