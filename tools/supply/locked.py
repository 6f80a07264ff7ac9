"""The locked requirements as pip reads them: name, version, hashes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.*?))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package: exactly this version, and only files with one of these SHA-256 hashes."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str = ""


class NotLocked(Exception):
    """A requirement that names no exact version, or no hash."""


def read(path: Path) -> Sequence[Locked]:
    """Read a file that `make lock` wrote; raise NotLocked for the first line that leaves anything open."""
    found = []
    for line in path.read_text().replace("\\\n", " ").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        hashes = tuple(sorted(_HASH.findall(text)))
        known = _LINE.fullmatch(_HASH.sub("", text).strip())
        if not known or not hashes:
            raise NotLocked(f"{path.name}: {text[:80]}")
        found.append(Locked(canonical(known["name"]), known["version"], hashes, (known["marker"] or "").strip()))
    return found


def canonical(name: str) -> str:
    """Give a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
