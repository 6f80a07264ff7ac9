"""The region's front: one stable URL for the HTTP API, a log line for each request, and the token issuer.

Started as `python -m tools.region.front`, configured by front.json. Requests go on to the emulated HTTP API, which
matches routes and checks tokens; what that does unlike AWS is set right here.
"""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tools.region.issuer import Issuer
from tools.region.layout import Layout
from tools.region.pace import Pace
from tools.region.request_log import RequestLog

MAX_BODY = 10 * 1024 * 1024
_GATEWAY_SECONDS = 30
_NOT_FORWARDED = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_THREADS = 256

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Front:
    """An ASGI application in front of the emulated HTTP API."""

    def __init__(self, settings: dict[str, Any], log: RequestLog) -> None:
        """Connect to the API that `settings` names."""
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", settings["cloudPort"], maxsize=_THREADS)
        self._host = f"{settings['apiId']}.execute-api.localhost:{settings['cloudPort']}"
        self._pace = Pace([(route["method"], route["path"], route["function"]) for route in settings["routes"]])
        self._threads = ThreadPoolExecutor(_THREADS)
        self._log = log

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Forward one request and write its line."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        try:
            body = await _read(receive)
        except ConnectionError:  # the client left in the middle: half a request goes nowhere
            return
        if body is None:
            answer = message(413, "Request Entity Too Large")
        else:
            async with self._pace.turn(scope["method"], scope["path"]):
                answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._forward, scope, body)
        self._log.write(scope, answer, (time.perf_counter() - started) * 1000)
        await _reply(send, answer)

    def _forward(self, scope: dict[str, Any], body: bytes) -> Answer:
        headers = urllib3.HTTPHeaderDict({"Host": self._host})
        for name, value in scope["headers"]:
            if name.decode("latin-1") not in _NOT_FORWARDED:
                headers.add(name.decode("latin-1"), value.decode("latin-1"))
        headers.setdefault("Accept-Encoding", urllib3.util.SKIP_HEADER)  # else urllib3 adds one of its own
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        try:
            reply = self._pool.urlopen(
                scope["method"],
                target,
                body,
                headers,
                retries=False,
                redirect=False,
                timeout=_GATEWAY_SECONDS,
                decode_content=False,
            )
        except urllib3.exceptions.TimeoutError:
            return message(503, "Service Unavailable")
        except urllib3.exceptions.HTTPError:
            return message(500, "Internal Server Error")
        if reply.status == 502:  # the emulator tells of a crashed function in its own words; AWS does not
            return message(500, "Internal Server Error")
        if scope["method"] == "OPTIONS" and reply.status == 403:  # its words for "no CORS"; AWS has no such route
            return message(404, "Not Found")
        kept = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in reply.headers.items()
            if name.lower() not in _NOT_FORWARDED
        ]
        return reply.status, kept, reply.data


def message(status: int, text: str) -> Answer:
    """Return an answer in the words of API Gateway itself."""
    return status, [(b"content-type", b"application/json")], json.dumps({"message": text}).encode()


def issuer_app(issuer: Issuer) -> Any:
    """Return the ASGI application that publishes the issuer's documents."""

    async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            document = issuer.document(scope["path"])
            json_type = [(b"content-type", b"application/json")]
            answer = (200, json_type, json.dumps(document).encode()) if document else message(404, "Not Found")
            await _reply(send, answer)

    return app


async def _read(receive: Any) -> bytes | None:
    """Return the request's body, None when it is larger than API Gateway takes."""
    parts, size, more = [], 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionAbortedError
        size += len(event.get("body", b""))
        if size <= MAX_BODY:
            parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(parts) if size <= MAX_BODY else None


async def _reply(send: Any, answer: Answer) -> None:
    status, headers, body = answer
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _config(port: int) -> Config:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    return config


async def main() -> None:
    """Serve API and issuer until the process is told to stop."""
    layout = Layout.here()
    settings = json.loads(layout.front.read_text())
    issuer = Issuer.with_key(settings["issuerUrl"], layout.signing_key)
    with layout.requests.open("a", buffering=1) as stream:
        front: Any = Front(settings, RequestLog(stream))
        await asyncio.gather(
            serve(front, _config(settings["apiPort"])), serve(issuer_app(issuer), _config(settings["issuerPort"]))
        )


if __name__ == "__main__":
    asyncio.run(main())
