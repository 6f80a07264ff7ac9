"""The documents as pages of a site: a copy in which links to other documents lead to their pages.

In the repository a document links to files as they lie there. On the site only documents and what is beside them have
a page: a link to anything else becomes the name of the file.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "clients/python/README.md": "client.md",
    "docs/decisions": "decisions/index.md",
}
"""Pages whose documents are not in docs/, by their place in the repository."""
_LINK = re.compile(r"(?P<mark>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_API = """# API reference

From [openapi.json](openapi.json), which the code makes. Who may call what: [access](access.md). What is refused, and
whether to try again: [refusals](index.md#refusals).

<swagger-ui src="openapi.json"/>
"""


def write_pages(root: Path, target: Path) -> None:
    """Write every page, and the files beside them, into an empty folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root / "docs", target)
    for document in documents(root):
        page = target / page_of(document)
        page.write_text(as_page(root, document, (root / document).read_text(encoding="utf-8")), encoding="utf-8")
    (target / "decisions" / "index.md").write_text(index_of_decisions(root), encoding="utf-8")
    (target / "api.md").write_text(_API, encoding="utf-8")
    openapi = json.loads((root / "docs" / "openapi.json").read_text(encoding="utf-8"))
    (target / "openapi.json").write_text(json.dumps(openapi), encoding="utf-8")


def documents(root: Path) -> list[str]:
    """Name all documents that become pages, by their place in the repository."""
    beside = [name for name in ELSEWHERE if name.endswith(".md")]
    return [*beside, *(str(path.relative_to(root)) for path in sorted((root / "docs").rglob("*.md")))]


def page_of(document: str) -> str:
    """Tell where a document's page is."""
    return ELSEWHERE.get(document) or document.removeprefix("docs/")


def as_page(root: Path, document: str, text: str) -> str:
    """Make a document a page: its links lead to pages, or are names of files."""
    return "".join(
        part if is_code else _LINK.sub(lambda link: _led(root, document, link.groupdict()), part)
        for part, is_code in _parts(text)
    )


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Divide a document into what is a block of code and what is not."""
    end = 0
    for block in _FENCED.finditer(text):
        yield text[end : block.start()], False
        yield block[0], True
        end = block.end()
    yield text[end:], False


def _led(root: Path, document: str, link: Mapping[str, str]) -> str:
    name, _, anchor = link["target"].partition("#")
    if not name or re.match(r"[a-z]+:", name):
        return f"{link['mark']}[{link['text']}]({link['target']})"
    place = normpath(PurePosixPath(document).parent / name)
    if place in ELSEWHERE or (place.startswith("docs/") and (root / place).is_file()):
        there = relpath(page_of(place), PurePosixPath(page_of(document)).parent)
        return f"{link['mark']}[{link['text']}]({there}{'#' if anchor else ''}{anchor})"
    return link["text"] if link["text"] == f"`{place}`" else f"{link['text']} (`{place}`)"


def index_of_decisions(root: Path) -> str:
    """List the decision records, the newest first."""
    records = sorted((root / "docs" / "decisions").glob("0*.md"), reverse=True)
    titles = [(record.name, record.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")) for record in records]
    return "# Decisions\n\n" + "".join(f"- [{title}]({name})\n" for name, title in titles)
