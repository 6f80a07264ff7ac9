"""Whoever listens behind a webhook: keeps what arrives, and answers as it is told."""

import queue
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """One request: header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answers:
    """What a path is answered with: 204 where nothing is said. `hanging` paths wait until `let_go` is set."""

    status: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    let_go: threading.Event = field(default_factory=threading.Event)


class Receiver(ThreadingHTTPServer):
    """The server, on a port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        """Listen (0: on any port that is free); nothing is answered before it is served."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = Answers()
        self.received: list[Received] = []
        self.arriving: queue.SimpleQueue[Received] = queue.SimpleQueue()

    @property
    def target(self) -> str:
        """What WEBHOOK_ALLOWED_TARGETS must hold."""
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str = "/hook") -> str:
        """URL of a path."""
        return f"http://{self.target}{path}"

    def paths(self) -> list[str]:
        """Paths that were called, in order."""
        return [request.path for request in self.received]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about callers who hung up: some are made to."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        names = {name.lower(): value for name, value in self.headers.items()}
        request = Received(self.path, names, self.rfile.read(length))
        self.server.received.append(request)
        self.server.arriving.put(request)
        told = self.server.answers
        if self.path in told.hanging:
            told.let_go.wait(30)
        body = told.bodies.get(self.path, b"")
        self.send_response(told.status.get(self.path, 204))
        for name, value in told.headers.get(self.path, {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:  # what a redirect may be followed with
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def receiver(certificate: str | None = None, port: int = 0) -> Iterator[Receiver]:
    """Serve during the block; with a file of key and certificate by TLS."""
    server = Receiver(port)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.answers.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
