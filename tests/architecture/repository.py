"""The repository as the architecture tests read it: tracked files, syntax trees, tables of Markdown."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "shared" / "python" / "scheduler"
FUNCTIONS = ROOT / "functions"
ROUTINES = PACKAGE / "adapters" / "postgres" / "routines"


@cache
def tracked(*suffixes: str) -> tuple[Path, ...]:
    """Files under version control that exist, by ending; without endings all."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name.endswith(suffixes or ""))
    return tuple(path for path in paths if path.is_file())


@cache
def product() -> tuple[Path, ...]:
    """Every Python file that is deployed."""
    return tuple(sorted([*PACKAGE.rglob("*.py"), *FUNCTIONS.rglob("*.py")]))


@cache
def tree(path: Path) -> ast.Module:
    """Syntax tree of a Python file."""
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    """Path as a reader names it."""
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Import:
    """One imported module: what is imported where, and whether it happens when the file itself is imported."""

    module: str
    line: int
    at_import: bool


def imports(path: Path) -> Iterator[Import]:
    """All imports of a file, those inside functions and of types only included."""
    yield from _imports(tree(path), at_import=True)


def _imports(node: ast.AST, *, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (Import(alias.name, child.lineno, at_import) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                # `from scheduler import settings` imports a module, `from scheduler.settings import X` a member.
                members = [f"{module}.{alias.name}" for alias in names] if module == "scheduler" else [str(module)]
                yield from (Import(member, child.lineno, at_import) for member in members)
            case ast.ImportFrom():
                raise AssertionError(f"line {child.lineno}: a relative import hides where its arrow points")
        late = isinstance(child, ast.FunctionDef | ast.Lambda) or _for_types_only(child)
        yield from _imports(child, at_import=at_import and not late)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def table(document: Path, heading: str) -> list[list[str]]:
    """Rows of the first table under a heading of a Markdown file, cell by cell, without its head."""
    section = document.read_text().partition(f"{heading}\n")[2]
    rows = re.search(r"^\|.*\n\|[-:| ]+\|\n((?:\|.*\n)*)", section, re.MULTILINE)
    assert rows, f"no table under {heading!r} in {document.name}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[1].splitlines()]
