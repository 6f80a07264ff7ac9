"""One odd request after another: who asks, where, with which parameters, headers and body."""

import base64
import shlex
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from tests.fuzz.mutations import NUMBERS, TEXTS, mutated
from tests.fuzz.shapes import Operation, Shapes

TOKENS = (*("OPERATOR_TOKEN",) * 5, *("SERVICE_TOKEN",) * 4, *("USER_TOKEN",) * 2, "OTHER_TENANT_TOKEN", None)
CONTENT_TYPES = (
    *(b"application/json",) * 40,
    b"application/json; charset=utf-16",
    b"APPLICATION/JSON;;;",
    b"application/problem+json",
    b"text/plain",
    b"multipart/form-data; boundary=x",
    b"application/x-www-form-urlencoded",
    b"application/octet-stream",
    b"\xff\xfe",
    b"",
    None,
)
ODD_HEADERS: tuple[tuple[str, bytes], ...] = (
    ("X-Correlation-Id", b"x" * 5000),
    ("X-Correlation-Id", b"\xff\x00?".replace(b"\x00", b"")),
    ("Idempotency-Key", b""),
    ("Idempotency-Key", b"k" * 255),
    ("Idempotency-Key", b"k" * 256),
    ("Idempotency-Key", b"\xf0\x9f\x93\xb1"),
    ("Idempotency-Key", b"one key for all"),
    ("Accept", b"application/xml;q=0.1, */*;q=bad"),
    ("Accept-Encoding", b"br;q=1.0, gzip;q=nonsense"),
    ("Content-Encoding", b"gzip"),
    ("traceparent", b"00-" + b"z" * 32 + b"-0-0"),
    ("X-Amzn-Trace-Id", b"Root=;;;="),
    ("X-Forwarded-For", b"127.0.0.1, " * 100),
    ("Cookie", b"a=b; " * 200),
    ("If-Match", b'"' * 50),
    ("Range", b"bytes=-1-"),
    ("X-HTTP-Method-Override", b"DELETE"),
)
_MOST_IDS = 200


@dataclass(frozen=True)
class Request:
    """A request as it goes over the wire; the token by its name in the region's `env` file."""

    operation: str
    how: str
    method: str
    target: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes | None
    token: str | None

    def curl(self, body_file: str) -> str:
        """Give the command that sends it again; its body lies in a file."""
        headers = [f"{name}: {value.decode('latin-1')}" for name, value in self.headers]
        parts = ["curl", "-i", "-X", self.method, *(part for header in headers for part in ("-H", header))]
        command = shlex.join(parts)
        if self.token:
            command += f' -H "Authorization: Bearer ${self.token}"'
        if self.body is not None:
            command += f" --data-binary @{shlex.quote(body_file)}"
        return f'{command} "$API_URL"{shlex.quote(self.target)}'


@dataclass
class Known:
    """Ids that answers named: with them a request meets something that is there."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, operation: str, data: Any) -> None:
        """Keep the ids of an answer, under the names that routes have for them."""
        for member in data if isinstance(data, list) else [data]:
            if isinstance(member, dict):
                for name, value in member.items():
                    self._keep(_id_of(operation) if name == "id" else name, value, is_id=_is_id(operation, name))

    def one(self, name: str, rng: Random) -> str | None:
        """Give one of this name, if any is known."""
        return rng.choice(self.ids[name]) if self.ids[name] else None

    def _keep(self, name: str, value: Any, *, is_id: bool) -> None:
        if isinstance(value, str) and is_id:
            kept = self.ids[name]
            kept.append(value)
            del kept[:-_MOST_IDS]


def _is_id(operation: str, name: str) -> bool:
    """Dead letters are called by the name of their queue; other names lead nowhere."""
    return name == "id" or name.endswith(("Id", "Cursor")) or (name == "name" and "dlqs" in operation)


def _id_of(operation: str) -> str:
    for part, name in (("queue", "entryId"), ("webhooks", "webhookId"), ("notifications", "notificationId")):
        if part in operation:
            return name
    return "deviceId"


class Composer:
    """Makes requests from the document, what is known, and chance."""

    def __init__(self, shapes: Shapes, known: Known, rng: Random) -> None:
        """Take everything from one generator of random numbers."""
        self._shapes, self._known, self._rng = shapes, known, rng
        self._operations = shapes.operations()
        with_body = [operation for operation in self._operations if operation.schema]
        self._turns = [*self._operations, *with_body, *with_body]

    def next(self) -> Request:
        """Make the next request."""
        rng = self._rng
        operation = rng.choice(self._turns)
        headers: list[tuple[str, bytes]] = [rng.choice(ODD_HEADERS)] if rng.random() < 0.2 else []
        how, body = "", None
        if operation.schema is not None:
            how, body = mutated(self._aimed(self._shapes.good(operation, rng)), rng)
            content_type = rng.choice(CONTENT_TYPES)
            headers += [("Content-Type", content_type)] if content_type is not None else []
        token = rng.choice(TOKENS)
        return Request(operation.name, how, operation.method, self._target(operation), tuple(headers), body, token)

    def _aimed(self, body: Any) -> Any:
        """Put known ids into a body, most of the time."""
        if isinstance(body, dict):
            for name in body:
                if name.endswith("Id") and name not in ("userId", "tenantId") and self._rng.random() < 0.7:
                    body[name] = self._known.one(name, self._rng) or body[name]
        return body

    def _target(self, operation: Operation) -> str:
        path, query = operation.path, []
        for place, name, schema in operation.parameters:
            if place == "path":
                path = path.replace(f"{{{name}}}", self._path_part(name))
            elif place == "query" and self._rng.random() < 0.4:
                query += [(name, self._query_value(name, schema))] * self._rng.choice((1, 1, 1, 2))
        if self._rng.random() < 0.1:
            query.append((self._rng.choice(TEXTS)[:100], self._rng.choice(TEXTS)[:500]))
        if not query:
            return path
        return path + "?" + urlencode([(_bytes(name), _bytes(value)) for name, value in query])

    def _path_part(self, name: str) -> str:
        known = self._known.one(name, self._rng)
        if known and self._rng.random() < 0.8:
            return quote(known, safe="")
        return quote(_bytes(self._rng.choice(TEXTS)[:1000] or "-"), safe="") if self._rng.random() < 0.9 else "%zz%"

    def _query_value(self, name: str, schema: Mapping[str, Any]) -> str:
        rng = self._rng
        if rng.random() < 0.5:
            return str(self._shapes.value(schema, rng))
        if name == "cursor" and rng.random() < 0.8:
            known = self._known.one("nextCursor", rng) or "e30"
            at = rng.randrange(len(known))
            return rng.choice((known, known[:at], known[:at] + "A" + known[at + 1 :], _base64(rng.randbytes(30))))
        return str(rng.choice((*TEXTS, *NUMBERS)))[:2000]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
