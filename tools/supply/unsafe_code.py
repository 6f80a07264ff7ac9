"""What bandit finds in the code, less what was reviewed."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.supply.layout import ROOT, reviewed

FOLDERS = ("layers", "functions", "tools", "benchmarks", "clients/python/src")
_SECONDS = 120
_SQL = "B608"


@dataclass(frozen=True)
class Found:
    """One finding: the rule, the place, what it says."""

    rule: str
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        """Give it as a compiler would."""
        return f"{self.path}:{self.line}: {self.rule} {self.text}"


def findings(root: Path = ROOT, folders: Sequence[str] = FOLDERS) -> list[str]:
    """Name what nobody reviewed, and reviews that nothing needs any more."""
    reviews = reviewed()["code"]
    used: set[int] = set()
    open_ = []
    for found in _scan(root, folders):
        places = [n for n, review in enumerate(reviews) if _covers(review, found)]
        used.update(places)
        known = " ".join(reviews[n].get("names", "") for n in places).split()
        foreign = foreign_names(root / found.path, found.line, known) if found.rule == _SQL else set()
        if not places or foreign:
            open_.append(f"{found}{' ' if foreign else ''}{', '.join(sorted(foreign))}")
    unused = [review for n, review in enumerate(reviews) if n not in used] if root == ROOT else []
    return open_ + [f"{review['rule']} is found nowhere in {review['where']}: take the review out" for review in unused]


def foreign_names(path: Path, line: int, known: Sequence[str]) -> set[str]:
    """Give the names put into the text at this line that are neither constants of ours, in capitals, nor known."""
    return {
        name.id
        for text in _texts_at(ast.parse(path.read_text()), line)
        for value in text.values
        if isinstance(value, ast.FormattedValue)
        for name in ast.walk(value)
        if isinstance(name, ast.Name) and not name.id.strip("_").isupper() and name.id not in known
    }


def _texts_at(tree: ast.Module, line: int) -> Iterator[ast.JoinedStr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and node.lineno <= line <= (node.end_lineno or line):
            yield node


def _covers(review: dict[str, str], found: Found) -> bool:
    return found.rule in review["rule"].split() and Path(found.path).full_match(review["where"])


def _scan(root: Path, folders: Sequence[str]) -> list[Found]:
    command = [sys.executable, "-m", "bandit", "-q", "-r", *folders, "-f", "json", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=root)
    report = json.loads(done.stdout)
    if report["errors"]:
        raise RuntimeError(f"bandit could not read: {report['errors']}")
    return [Found(r["test_id"], str(Path(r["filename"])), r["line_number"], r["issue_text"]) for r in report["results"]]
