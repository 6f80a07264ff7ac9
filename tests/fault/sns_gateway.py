"""Stands between the relay and SNS, passes requests on, and on demand answers as SNS does on a bad day.

boto3 speaks the query protocol to SNS (its service model knows no other): a form in the request, XML in the answer.
"""

import http.client
import random
import re
import socket
import struct
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

_XML = "http://sns.amazonaws.com/doc/2010-03-31/"
_ENTRY = re.compile(r"PublishBatchRequestEntries\.member\.(\d+)\.(.+)")
_PUBLISHING = {"Publish", "PublishBatch"}
_SNS_SECONDS = 10.0
_POLL_SECONDS = 0.05


class Trouble(StrEnum):
    """What may come of a call that publishes."""

    THROTTLING = "throttling"
    """400 Throttling: nothing is published."""
    THROTTLED = "throttled"
    """429 Throttled: nothing is published."""
    INTERNAL_ERROR = "internal_error"
    """500 InternalError: nothing is published."""
    PARTIAL = "partial"
    """Some entries of the batch, at least one, are not published and come back as failed."""
    LOST_REPLY = "lost_reply"
    """All is published, and the connection is reset."""
    SLOW = "slow"
    """All is published, and the answer comes `slow_seconds` later."""


_ERRORS = {
    Trouble.THROTTLING: (400, "Sender", "Throttling", "Rate exceeded"),
    Trouble.THROTTLED: (429, "Sender", "Throttled", "Rate exceeded"),
    Trouble.INTERNAL_ERROR: (500, "Receiver", "InternalError", "We encountered an internal error. Please try again."),
}


class SnsGateway:
    """The troubles to come, and how many came; any thread may use it."""

    def __init__(self, sns_url: str, seed: int = 0) -> None:
        """Pass on to the SNS at `sns_url`."""
        self.sns = urlsplit(sns_url).netloc
        self.slow_seconds = 1.0
        self.closing = threading.Event()
        self._random = random.Random(seed)
        self._next: deque[Trouble] = deque()
        self._odds: Mapping[Trouble, float] = {}
        self._done: Counter[Trouble] = Counter()
        self._changed = threading.Condition()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()

    def arm(self, trouble: Trouble, times: int = 1) -> None:
        """Let it come of the next calls."""
        with self._changed:
            self._next.extend([trouble] * times)

    def strew(self, odds: Mapping[Trouble, float]) -> None:
        """Let them come at random, each with its probability a call (together at most 1), until `heal`."""
        with self._changed:
            self._odds = dict(odds)

    def heal(self) -> None:
        """Let no more come."""
        with self._changed:
            self._next.clear()
            self._odds = {}

    def done(self) -> Counter[Trouble]:
        """Tell how many came, by kind."""
        with self._changed:
            return self._done.copy()

    def wait_done(self, count: int, timeout: float) -> bool:
        """Wait until `count` came, of whatever kind; tell whether it came to that within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._done.total() >= count, timeout)

    def draw(self) -> Trouble | None:
        """Choose what comes of a call."""
        with self._changed:
            if self._next:
                return self._next.popleft()
            at = self._random.random()
            for trouble, probability in self._odds.items():
                if at < probability:
                    return trouble
                at -= probability
            return None

    def pick(self, entries: list[str]) -> set[str]:
        """Choose which entries of a batch fail: one for certain, each other with one half."""
        with self._changed:
            return {self._random.choice(entries), *(entry for entry in entries if self._random.random() < 0.5)}

    def count(self, trouble: Trouble) -> None:
        """Count one that came."""
        with self._changed:
            self._done[trouble] += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Hang up on everybody and stop."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


@contextmanager
def sns_gateway(sns_url: str, seed: int = 0) -> Iterator[SnsGateway]:
    """Run a gateway for the time of the `with` block."""
    gateway = SnsGateway(sns_url, seed)
    try:
        yield gateway
    finally:
        gateway.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, gateway: SnsGateway) -> None:
        self.gateway = gateway
        self._links: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Call)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._links.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._links.discard(request)
        self.close_request(request)  # without a FIN before, which would spoil a reset

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about callers who hung up: many of them are made to die."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Let the threads of idle connections end."""
        for link in list(self._links):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Pass on, or not."""
        gateway = self.server.gateway
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        trouble = gateway.draw() if form.get("Action") in _PUBLISHING else None
        if trouble in _ERRORS:
            status, fault, code, message = _ERRORS[trouble]
            answer = (
                status,
                f'<ErrorResponse xmlns="{_XML}"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}'
                "</Message></Error><RequestId>0</RequestId></ErrorResponse>",
            )
        elif trouble is Trouble.PARTIAL:
            answer = self._publish_some(form)
        else:
            answer = self._pass_on(body)
        if trouble:
            gateway.count(trouble)
        if trouble is Trouble.SLOW:
            gateway.closing.wait(gateway.slow_seconds)
        if trouble is Trouble.LOST_REPLY:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        else:
            self._answer(*answer)

    def _pass_on(self, body: bytes) -> tuple[int, str]:
        link = http.client.HTTPConnection(self.server.gateway.sns, timeout=_SNS_SECONDS)
        try:
            kept = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            link.request("POST", self.path, body, kept)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        finally:
            link.close()

    def _publish_some(self, form: Mapping[str, str]) -> tuple[int, str]:
        """Publish the batch without some entries, and answer as if SNS had failed them."""
        entries: dict[str, dict[str, str]] = {}
        for name, value in form.items():
            if found := _ENTRY.fullmatch(name):
                entries.setdefault(found[1], {})[found[2]] = value
        failed = self.server.gateway.pick([entry["Id"] for entry in entries.values()])
        told = "".join(
            f"<member><Id>{name}</Id><Code>InternalError</Code><Message>Failed</Message><SenderFault>false</SenderFault>"
            "</member>"
            for name in sorted(failed)
        )
        kept = [entry for entry in entries.values() if entry["Id"] not in failed]
        if not kept:
            return 200, (
                f'<PublishBatchResponse xmlns="{_XML}"><PublishBatchResult><Successful></Successful>'
                f"<Failed>{told}</Failed></PublishBatchResult></PublishBatchResponse>"
            )
        smaller = {name: value for name, value in form.items() if not _ENTRY.fullmatch(name)}
        for number, entry in enumerate(kept, 1):
            smaller |= {f"PublishBatchRequestEntries.member.{number}.{name}": value for name, value in entry.items()}
        status, answer = self._pass_on(urlencode(smaller).encode())
        return status, answer.replace("</Failed>", f"{told}</Failed>")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True  # the client was less patient

    def log_message(self, *_: object) -> None:
        """Say nothing: the counts tell."""
