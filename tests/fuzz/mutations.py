"""Ways to spoil a good JSON body. Each takes the body and gives the bytes that are sent."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

type Mutation = Callable[[Any, Random], bytes]

TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\u202egnirts",
    "\u0000\u001f\u007f\u0085",
    "Z\u0351\u036b\u0343\u036a\u0302",
    "👩\u200d👩\u200d👧\u200d👦" * 20,
    "\ufeff\ufffe",
    "'; DROP TABLE devices; --",
    "../../../../etc/passwd",
    "%s%n%x{0}{}${x}#{y}",
    "${jndi:ldap://127.0.0.1/x}",
    "<script>alert(1)</script>",
    "NaN",
    "-1",
    "1e999",
    "true",
    "2026-13-45T99:99:99Z",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59.999999999+23:59",
    "00000000-0000-0000-0000-000000000000",
    "x" * 255,
    "x" * 256,
    "\U0001f4f1" * 255,
    "x" * 4096,
    "x" * 15_000,
)
NUMBERS = (0, -1, 1, 1.5, -0.0, 1e-320, 1e308, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30)
RAW_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "-" + "9" * 5000, "0" * 50, "1.", ".5", "0x10", "1e")
ODD: Sequence[Any] = (*TEXTS, *NUMBERS, None, True, False, [], {}, [[]], [None] * 200, {"": ""}, {"a": {"b": {"c": 1}}})
_MARK = "@@here@@"


def mutated(body: Any, rng: Random) -> tuple[str, bytes]:
    """Spoil a body in one way chosen at random; the first member names the way."""
    mutation = rng.choice(MUTATIONS)
    return mutation.__name__, mutation(body, rng)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """List where something can be put: each container with each of its keys."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in pairs:
        yield value, key
        yield from places(member)


def as_it_is(body: Any, _rng: Random) -> bytes:
    """Send the good body itself: what follows a grant is reached only so."""
    return _dumped(body)


def odd_value(body: Any, rng: Random) -> bytes:
    """Put something else in one or several places."""
    for container, key in _some(body, rng):
        container[key] = rng.choice(ODD)
    return _dumped(body)


def raw_number(body: Any, rng: Random) -> bytes:
    """Put a number that JSON, or a machine word, does not have."""
    for container, key in _some(body, rng)[:1]:
        container[key] = _MARK
    return _dumped(body).replace(json.dumps(_MARK).encode(), rng.choice(RAW_NUMBERS).encode())


def unknown_member(body: Any, rng: Random) -> bytes:
    """Add members that nobody knows, or that mean something to a machine below."""
    if isinstance(body, dict):
        names = ("__proto__", "__class__", "constructor", "", "tenantId", "self", "\0", "userid", "$ref", "x" * 300)
        body[rng.choice(names)] = rng.choice(ODD)
    return _dumped(body)


def odd_metadata(body: Any, rng: Random) -> bytes:
    """Send metadata of every kind: it goes through to the database."""
    if isinstance(body, dict):
        deep: Any = "x"
        for _ in range(rng.choice((1, 50, 500, 900))):
            deep = {"d": deep}
        wide = {f"k{n}": n for n in range(rng.choice((10, 300, 2000)))}
        body["metadata"] = rng.choice(({rng.choice(TEXTS): rng.choice(ODD)}, deep, wide))
    return _dumped(body)


def twice(body: Any, rng: Random) -> bytes:
    """Name one member twice."""
    if not isinstance(body, dict) or not body:
        return _dumped(body)
    name = rng.choice(list(body))
    return _dumped(body)[:-1] + f", {json.dumps(name)}: {json.dumps(rng.choice(ODD[-20:]))}}}".encode()


def missing(body: Any, rng: Random) -> bytes:
    """Leave members out."""
    for container, key in _some(body, rng):
        if isinstance(container, dict):
            container.pop(key, None)
    return _dumped(body)


def nested(body: Any, rng: Random) -> bytes:
    """Open brackets until somebody's stack ends."""
    depth = rng.choice((100, 1000, 5000, 8000))
    opened, closed = rng.choice((("[", "]"), ('{"a":', "}")))
    bomb = opened * depth + "1" + closed * rng.choice((depth, 0))
    for container, key in _some(body, rng)[:1]:
        container[key] = _MARK
        return _dumped(body).replace(json.dumps(_MARK).encode(), bomb.encode())
    return bomb.encode()


def broken(body: Any, rng: Random) -> bytes:
    """Break the text: cut it, change a byte, repeat it, spoil its encoding."""
    text = _dumped(body)
    at = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:at],
            text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :],
            text[:at] + rng.randbytes(8) + text[at:],
            text + text,
            text[:-1] + b",}",
            b"\xef\xbb\xbf" + text,
            text.decode(errors="replace").encode("utf-16"),
            text.replace(b'"', b"'"),
            b"//x\n" + text,
            gzip.compress(text),
        )
    )


def something_else(_body: Any, rng: Random) -> bytes:
    """Send what is no object at all."""
    return rng.choice(
        (b"", b" ", b"null", b"true", b"0", b'"x"', b"[]", b"[{}]", b"{}", b"\0", b"\xff\xfe", rng.randbytes(200))
    )


def large(body: Any, rng: Random) -> bytes:
    """Send about as much as is taken, or more."""
    size = rng.choice((16_000, 16_383, 16_384, 16_385, 17_000, 100_000, 1_000_000))
    text = _dumped(body)
    return text + b" " * max(0, size - len(text))


MUTATIONS: tuple[Mutation, ...] = (
    *(as_it_is, as_it_is, as_it_is),
    *(odd_value, odd_value, odd_value),
    *(raw_number, unknown_member, odd_metadata, twice, missing, nested, broken, something_else, large),
)


def _some(body: Any, rng: Random) -> list[tuple[Any, Any]]:
    every = list(places(body))
    return rng.sample(every, min(len(every), rng.choice((1, 1, 1, 2, 4))))


def _dumped(body: Any) -> bytes:
    """Write JSON; now and then with characters as they are, which makes lone surrogates bytes that are no UTF-8."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", errors="surrogatepass")
