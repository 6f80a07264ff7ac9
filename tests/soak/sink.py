"""A topic that takes every batch and keeps nothing: an emulated SNS remembers, and would be what grows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

_ENTRY = "<member><Id>{id}</Id><MessageId>{id}</MessageId></member>"
_ANSWER = (
    '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Failed/>'
    "<Successful>{entries}</Successful></PublishBatchResult>"
    "<ResponseMetadata><RequestId>sink</RequestId></ResponseMetadata></PublishBatchResponse>"
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        form = parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode())
        ids = [value for name, value in form if name.endswith(".Id")]
        body = _ANSWER.format(entries="".join(_ENTRY.format(id=entry) for entry in ids)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def sink() -> Iterator[str]:
    """Serve it for the time of the `with` block; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
