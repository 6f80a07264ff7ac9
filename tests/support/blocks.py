"""The code of the documents: every fenced block, every command in a line of text, and what holds each to the truth.

A block is held in exactly one way, which follows from its language and its place; `claims` says which.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.architecture.repository import name_of, tracked

COMMANDS = {"sh", "sql", "python"}
OUTPUTS = {"json", "text", "csv", "http"}

NOT_RUN = {
    ("README.md", "make run "): "does not end, and `make test` would run itself",
    ("README.md", ". .venv/bin/activate"): "deploys to an AWS account",
    ("docs/deploy.md", ". .venv/bin/activate"): "deploys to an AWS account",
    ("docs/deploy.md", "make build ARGS="): "deploys to an AWS account",
    ("clients/python/README.md", "pip install"): "needs a package index; `make client-test` installs the package",
    ("docs/guides/user-service.md", "USER_SERVICE=1 make run"): "does not end",
    ("docs/runbook.md", "aws rds describe-db-clusters"): "there is no RDS here",
    ("docs/runbook.md", "aws rds failover-db-cluster"): "there is no RDS here",
    ("docs/runbook.md", "aws rds restore-db-cluster-to-point-in-time"): "there is no RDS here",
    ("docs/simulator.md", "make simulate"): "minutes of computing; `tests/simulation` plays shorter days",
    ("docs/supply-chain.md", ". .venv/bin/activate"): "asks a service on the internet",
}
"""Blocks that no laptop runs, by page and beginning, and why. Their commands and options are known to exist."""


class Held(Enum):
    """How a block is held to the truth."""

    RUN = auto()  # tests/e2e/test_pages.py runs it, after what stands above it on its page
    PRINTED = auto()  # and compares this with what the command above it printed
    NAMED = auto()  # tests/architecture/test_commands.py: its commands, operations and options exist
    BODY = auto()  # tests/architecture/test_bodies.py: JSON that somebody sends or answers
    DRAWN = auto()  # tests/architecture/test_blocks.py, and `make docs`: mermaid
    RESOURCE = auto()  # tests/architecture/test_blocks.py: CloudFormation
    TREE = auto()  # tests/architecture/test_blocks.py: folders of this repository
    STORY = auto()  # tests/architecture/test_blocks.py: lines of the demo


@dataclass(frozen=True)
class Block:
    """Some code of a page. `line`: of its first line, from 1. `shown`: what it prints, as the page has it."""

    page: str
    line: int
    language: str
    code: str
    heading: str
    fenced: bool
    follows: "Block | None" = None
    """The block before, where this one can be what that prints: beneath it, under the same heading."""

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """Why it is not run, if it is not."""
        return next((NOT_RUN[key] for key in NOT_RUN if key[0] == self.page and self.code.startswith(key[1])), None)


def claims(block: Block) -> list[Held]:
    """Say how a block is held to the truth; anything but one way is a mistake."""
    return [held for held, holds in _CLAIMS.items() if holds(block)]


@cache
def blocks(*held: Held) -> tuple[Block, ...]:
    """All blocks that are held so, page by page, each page in its order; without an argument all there are."""
    found = (block for path in pages() for block in _read(path))
    return tuple(block for block in found if not held or set(held) & set(claims(block)))


@cache
def pages() -> tuple[Path, ...]:
    """Every document of the repository."""
    return tracked(".md")


def _read(page: Path) -> list[Block]:
    found: list[Block] = []
    heading, before = "", None
    tokens = _tokens(page)
    for number, token in enumerate(tokens):
        line = (token.map or [0])[0] + 1
        if token.type == "heading_open":
            heading, before = tokens[number + 1].content, None
        elif token.type == "fence":
            before = Block(name_of(page), line + 1, token.info, token.content, heading, True, before)
            found.append(before)
        elif token.type == "inline":
            found += _inline(name_of(page), line, heading, token)
    return found


@cache
def spans() -> tuple[tuple[str, str], ...]:
    """All code within lines of text, each with its page."""
    inline = ((page, token) for page in pages() for token in _tokens(page) if token.type == "inline")
    return tuple((name_of(page), span) for page, token in inline for span in _spans(token))


def _inline(page: str, line: int, heading: str, token: Token) -> list[Block]:
    known = [(span, language) for span in _spans(token) for language, begins in _BEGINS.items() if begins.match(span)]
    return [Block(page, line, language, span, heading, False) for span, language in known]


def _spans(token: Token) -> list[str]:
    return [child.content for child in token.children or () if child.type == "code_inline"]


@cache
def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


_BEGINS = {
    "sh": re.compile(r"(?:[A-Z_]+=\S+ )*(?:make|aws|sam|uv|cloudphone|curl|python -m) [\w\"$/-]"),
    "sql": re.compile(r"(?:SELECT|UPDATE|INSERT|DELETE|ALTER|CREATE) [\w*]+ ?.*[ ;]"),
}
"""How commands and statements in a line of text begin."""


def _is_run(block: Block) -> bool:
    if block.language not in COMMANDS or block.not_run:
        return False
    # In a line of text a command is often a name for what it does: only requests are sent from there.
    return block.fenced or block.language == "sql" or block.code.startswith("curl ")


def _is_printed(block: Block) -> bool:
    return block.language in OUTPUTS and block.follows is not None and _is_run(block.follows)


_CLAIMS: dict[Held, Callable[[Block], bool]] = {
    Held.RUN: _is_run,
    Held.PRINTED: _is_printed,
    Held.NAMED: lambda block: block.language in COMMANDS and not _is_run(block),
    Held.BODY: lambda block: block.language == "json" and not _is_printed(block),
    Held.DRAWN: lambda block: block.language == "mermaid",
    Held.RESOURCE: lambda block: block.language == "yaml",
    Held.TREE: lambda block: block.language == "text" and block.heading == "The tree",
    Held.STORY: lambda block: block.language == "text" and block.heading == "A day in five minutes",
}
