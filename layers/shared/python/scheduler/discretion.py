"""What goes to nobody's eyes: addresses of devices, and what looks like a secret, wherever people or machines wrote it.

Nothing of ours logs or tells such a thing on purpose. This is the second wall, for texts that others wrote (reasons,
ids of requests, errors of libraries): what has the shape of a secret is taken out before it is kept, told or logged.
"""

import re

_ADDRESS = re.compile(
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?::\d+)?"
    r"|\[[0-9A-F]*:[0-9A-F]*:[0-9A-F:.]*\](?::\d+)?"
    r"|\b[\w-]+(?:\.[\w-]+)+:\d+\b"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:internal|local|localdomain|lan|home|corp|intranet|amazonaws\.com)\b",
    re.IGNORECASE,
)
_SECRETS = (
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"), "(token)"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), r"\1 (token)"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), "(secret)"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "(secret)"),
    (re.compile(r"(\w://)[^\s/@\"]+@"), r"\1(secret)@"),
    (
        re.compile(
            r"\b([\w-]*(?:password|passwd|secret|token|api[_-]?key|signature))(\\?[\"']?\s*[:=]\s*\\?[\"']?)"
            r"(?!(?:-?\d+|true|false|null)\b)[^\s,;&\"'\\(\[\]{}]{4,}",
            re.IGNORECASE,
        ),
        r"\1\2(secret)",
    ),
)
_MARKS = (
    *("eyj", "bearer", "basic", "whsec_", "akia", "asia", "@"),
    *("password", "passwd", "secret", "token", "api", "signature"),
)
"""No secret's shape is without one of them, in small letters. They are found much faster than the shapes."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=-]{0,99}")


def without_secrets(text: str) -> str:
    """Take out what looks like a token, a password or a key."""
    if text.isascii():  # beyond it some letters have more than two cases
        small = text.lower()
        for mark in _MARKS:
            if mark in small:
                break
        else:
            return text
    for shape, instead in _SECRETS:
        text = shape.sub(instead, text)
    return text


def discreet(text: str) -> str:
    """Take out addresses as well; none is without a dot or a bracket."""
    text = without_secrets(text)
    if "." not in text and "[" not in text:
        return text
    return _ADDRESS.sub("(address)", text)


def request_id(text: str) -> str | None:
    """Give an id that a caller chose for its request; None when it is none, or is more than that."""
    return text if _REQUEST_ID.fullmatch(text) and without_secrets(text) == text else None
