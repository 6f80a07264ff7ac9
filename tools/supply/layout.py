"""Where things lie, and what was reviewed."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers" / "shared" / "python" / "requirements.txt"
DEVELOPMENT = ROOT / "requirements" / "dev.txt"
LICENCES = ROOT / "docs" / "licences.md"
BILL = ROOT / "docs" / "sbom.json"
REVIEWED = Path(__file__).with_name("reviewed.toml")


@cache
def reviewed() -> dict[str, Any]:
    """Read what was looked at and let pass, each entry with its reason."""
    return tomllib.loads(REVIEWED.read_text())
