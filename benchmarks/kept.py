"""Outcomes that wait in .local/bench/<form>/ for the rest of their run, so that a run which was stopped goes on."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.outcome import Outcome, from_json, to_json

ROOT = Path(__file__).parents[1]
PRODUCT = ("functions", "layers")


@dataclass(frozen=True, slots=True)
class Measured:
    """An outcome with its circumstances: the machine, the commit, the product's fingerprint, the form's numbers."""

    part: str
    commit: str
    product: str
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    seconds: float
    outcome: Outcome


class Kept:
    """One file a part."""

    def __init__(self, folder: Path) -> None:
        """Keep in `folder`; it is made when the first outcome comes."""
        self._folder = folder

    def add(self, measured: Measured) -> None:
        """Keep an outcome, instead of an earlier one of the same part; whole, or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        plain = {name: getattr(measured, name) for name in Measured.__dataclass_fields__}
        beside = self._path(measured.part).with_suffix(".new")
        beside.write_text(json.dumps(plain | {"outcome": to_json(measured.outcome)}, indent=1, ensure_ascii=False))
        beside.replace(self._path(measured.part))

    def get(self, part: str) -> Measured | None:
        """Give what was kept of a part; None when there is nothing, or nothing that can be read today."""
        try:
            plain = json.loads(self._path(part).read_text())
            return Measured(**{**plain, "outcome": from_json(plain["outcome"])})
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def still_true(self, part: str, product: str, settings: Mapping[str, Any]) -> Measured | None:
        """Give what was kept of a part if neither the product nor the numbers of its form have changed since."""
        known = self.get(part)
        return known if known and (known.product, known.settings) == (product, _plain(settings)) else None

    def forget(self) -> None:
        """Start over."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, part: str) -> Path:
        return self._folder / f"{part}.json"


def _plain(settings: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(settings))


def product_fingerprint(root: Path = ROOT) -> str:
    """Tell the measured code from any other: a digest of the functions and the layer."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in PRODUCT for path in (root / folder).rglob("*")):
        if path.suffix in {".py", ".sql", ".txt"}:
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def commit_now() -> str:
    """Name the commit, with a plus sign when something differs from it; "unknown" outside of a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
