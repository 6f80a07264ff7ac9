"""`python -m tools.console_build`: put the console together in functions/console/static. Any Python from 3.9 runs it.

No bundler: our modules are copied without comments and indentation; of the npm packages, installed by the Node that
.venv has, their ES modules are. A second call compares one digest and returns at once. Where the packages cannot be
had it says so and fails only with --strict: everything else works without the console.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from pathlib import Path

from tools.npm import NpmError, install

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "console"
WEB = SOURCE / "web"
STATIC = ROOT / "functions" / "console" / "static"
WORK = ROOT / ".local" / "console"
LIMIT_BYTES = 200_000
"""Of all scripts, styles and the page together, as a browser holds them: not packed."""
VENDORED = {
    "preact.js": "preact/dist/preact.mjs",
    "hooks.js": "preact/hooks/dist/hooks.mjs",
    "htm.js": "htm/dist/htm.mjs",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
}
"""Our name of each file, and where its package has it."""


class BuildError(Exception):
    """Why there is no console, in plain words."""


def main() -> int:
    """Build unless what is there is up to date; return the exit code."""
    digest = digest_of_sources()
    stamp = STATIC / "version.txt"
    if stamp.exists() and stamp.read_text() == digest:
        return 0
    try:
        build(digest)
    except (BuildError, NpmError) as problem:
        print(f"console: not built: {problem}", file=sys.stderr)
        return 1 if "--strict" in sys.argv[1:] else 0
    print(f"console: built, {size_of(STATIC) / 1000:.1f} KB", flush=True)
    return 0


def digest_of_sources() -> str:
    """Tell the state of all that the console is made of."""
    digest = hashlib.sha256()
    for path in [*sorted(WEB.iterdir()), SOURCE / "package-lock.json", Path(__file__)]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def build(digest: str) -> None:
    """Put everything into a new folder, and that in the place of the old one."""
    packages = install(SOURCE, WORK)
    draft = STATIC.with_name("static.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for path in WEB.iterdir():
        (draft / path.name).write_text(trimmed(path.name, path.read_text()))
    for name, place in VENDORED.items():
        (draft / name).write_text(as_module(name, (packages / place).read_text()))
    (draft / "licences.txt").write_text("\n\n".join(licences(packages)))
    page = draft / "index.html"
    page.write_text(page.read_text().replace("VERSION", digest))
    if size_of(draft) > LIMIT_BYTES:
        raise BuildError(f"it has {size_of(draft)} bytes, {LIMIT_BYTES} are allowed")
    (draft / "version.txt").write_text(digest)
    shutil.rmtree(STATIC, ignore_errors=True)
    draft.rename(STATIC)


def trimmed(name: str, text: str) -> str:
    """Leave out what only readers of the sources need: lines of comment, indentation, empty lines."""
    if name.endswith(".js"):
        text = re.sub(r"(?m)^[ \t]*(?://.*|/\*\*(?s:.*?)\*/[ \t]*)\n", "", text)
        text = re.sub(r"(?m)^([ \t]*'[\w.]+'): \[", r"\1:[", text)  # the rows of texts.js
    elif name.endswith(".css"):
        text = re.sub(r"(?s)/\*.*?\*/", "", text)
        text = re.sub(r"\s*([{};])\s+|([:,])\s+", r"\1\2", text).replace(";}", "}")
    return re.sub(r"(?m)^\s+|[ \t]+$", "", text)


def as_module(name: str, text: str) -> str:
    """Make a package's file one that browsers load from beside ours: bare names become files."""
    text = re.sub(r"\n?//# sourceMappingURL=\S+\s*", "\n", text)
    text = re.sub(r"""from\s*(["'])preact\1""", 'from"./preact.js"', text)
    return text + "\nexport default uPlot;\n" if name == "uplot.js" else text


def licences(packages: Path) -> list[str]:
    """Give the licences of what is served, as they ask for."""
    names = sorted({place.split("/")[0] for place in VENDORED.values()})
    return [f"{name}\n\n{(packages / name / 'LICENSE').read_text()}" for name in names]


def size_of(folder: Path) -> int:
    """Give the bytes of the console's scripts, styles and page, as they are before they are packed."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix in {".js", ".css", ".html"})


if __name__ == "__main__":
    sys.exit(main())
