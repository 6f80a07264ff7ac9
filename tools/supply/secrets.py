"""What looks like a secret in the files, less what was reviewed."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.supply.layout import REVIEWED, ROOT, reviewed

_SECONDS = 240
_NOT_SCANNED = ("requirements/", "layers/shared/python/requirements.txt", "tools/sam_local/image-requirements.txt")
"""Locked requirements: hashes and nothing else, which `locked.py` reads."""


def findings(root: Path = ROOT) -> list[str]:
    """Name what nobody reviewed, and reviews that nothing needs any more."""
    reviews = reviewed()["secret"]
    used: set[int] = set()
    open_ = []
    for path, kind, number, line in _scan(root):
        places = [n for n, review in enumerate(reviews) if _covers(review, path, line)]
        used.update(places)
        if not places:
            open_.append(f"{path}:{number}: {kind}")
    unused = [review for n, review in enumerate(reviews) if n not in used] if root == ROOT else []
    return open_ + [f"nothing in {review['where']} looks like {review['line']}: take it out" for review in unused]


def _covers(review: dict[str, str], path: str, line: str) -> bool:
    return Path(path).full_match(review["where"]) and re.search(review["line"], line) is not None


def _scan(root: Path) -> Iterator[tuple[str, str, int, str]]:
    """Scan what git tracks (elsewhere: everything), without asking anybody whether a secret works."""
    program = Path(sys.executable).with_name("detect-secrets")
    command = [str(program), "scan", "--no-verify", *([] if root == ROOT else ["--all-files", "."])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True, cwd=root)
    report: dict[str, Any] = json.loads(done.stdout)
    for path, found in report["results"].items():
        if path.startswith(_NOT_SCANNED) or (root / path).resolve() == REVIEWED:
            continue
        lines = (root / path).read_text(errors="replace").splitlines()
        for one in found:
            yield path, one["type"], one["line_number"], lines[one["line_number"] - 1]
