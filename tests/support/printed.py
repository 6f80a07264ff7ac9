"""Whether a command printed what its page shows: the same words, or JSON, CSV or headers of the same shape."""

import json
import re
from collections.abc import Iterator
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def matches(language: str, shown: str, printed: str) -> bool:
    """Tell whether what was printed is like what is shown."""
    match language:
        case "json":
            return any(alike(json.loads(shown), part) for part in _parts(list(documents(printed))))
        case "csv":
            return _rows_alike(shown.splitlines(), printed.splitlines())
        case "http":
            return _without_numbers(shown) == _without_numbers(printed)
    return re.fullmatch(pattern(shown), words(printed)) is not None


def alike(shown: Any, came: Any) -> bool:
    """Compare members and types; texts too, but for ids, times and names with a number."""
    match shown, came:
        case dict(), dict():
            return shown.keys() == came.keys() and all(alike(value, came[name]) for name, value in shown.items())
        case list(), list():
            return all(any(alike(one, other) for other in came) for one in shown)
        case str(), str():
            return _stable(shown) == _stable(came)
    return type(shown) is type(came)


def words(text: str) -> str:
    """What a text says, however its lines are broken and filled, and however long it took."""
    text = re.sub(r"\b\d+:\d\d:\d\d\b", "0:00:00", text)
    return " ".join(re.sub(r"([-━─])\1+", " ", text).split())


def pattern(shown: str) -> str:
    """An expression for what a block may print: `<…>` stands for anything."""
    return "".join(".+?" if part.startswith("<") else re.escape(part) for part in re.split(r"(<[^>]*>)", words(shown)))


def documents(printed: str) -> Iterator[Any]:
    """All JSON objects in a text, in their order."""
    decoder, at = json.JSONDecoder(), printed.find("{")
    while at >= 0:
        try:
            document, at = decoder.raw_decode(printed, at)
            yield document
        except ValueError:
            at += 1
        at = printed.find("{", at)


def _parts(document: Any) -> Iterator[Any]:
    """A document, and all that is in it: a page may show an item of a list."""
    yield document
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from _parts(part)


def _stable(text: str) -> str:
    if _UUID.fullmatch(text):
        return "an id"
    if _TIME.fullmatch(text):
        return "a time"
    return "a name with a number" if re.search(r"\d", text) else text


def _rows_alike(shown: list[str], came: list[str]) -> bool:
    kinds = {tuple(cell.lstrip("-").isdigit() for cell in row.split(",")) for row in came[1:]}
    return shown[0] == came[0] and all(tuple(c.lstrip("-").isdigit() for c in r.split(",")) in kinds for r in shown[1:])


def _without_numbers(text: str) -> str:
    """Header names are compared in lower case, as HTTP does."""
    return words(re.sub(r"\d+", "0", text).lower())
