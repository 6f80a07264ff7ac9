"""Make the documents a site in .local/site/html: `make docs`. A link or a diagram that leads nowhere fails it."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tools.npm import NpmError, install, node_and_npm
from tools.site.pages import documents, write_pages

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tools" / "site"
WORK = ROOT / ".local" / "site"
ADDRESS = "127.0.0.1:8000"
BUILD_SECONDS = 300


def main() -> int:
    """Build, or serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make docs", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="show it until Ctrl-C")
    parser.add_argument("--address", default=ADDRESS, help="where it is shown (%(default)s)")
    asked = parser.parse_args()
    try:
        mermaid = install(HERE, WORK / "npm") / "mermaid" / "dist" / "mermaid.min.js"
        wrong = wrong_diagrams()
    except NpmError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    if wrong:
        print(wrong, file=sys.stderr)
        return 1
    write_pages(ROOT, WORK / "pages")
    shutil.copy(mermaid, WORK / "pages" / mermaid.name)
    mkdocs = [sys.executable, "-m", "mkdocs"]
    config = ["--strict", "--config-file", str(HERE / "mkdocs.yml")]
    if asked.serve:
        return served([*mkdocs, "serve", *config, "--dev-addr", asked.address])
    # Not --quiet, which keeps mkdocs from counting warnings.
    built = subprocess.run(
        [*mkdocs, "build", *config], capture_output=True, text=True, check=False, timeout=BUILD_SECONDS
    )
    print(built.stderr if built.returncode else f"The site is in {WORK / 'html' / 'index.html'}")
    return built.returncode


def wrong_diagrams() -> str:
    """Say which diagrams mermaid cannot read; empty when it can all.

    Raises:
        NpmError: There is no Node.
    """
    node, _ = node_and_npm()
    script = shutil.copy(HERE / "diagrams.mjs", WORK / "npm")  # beside its packages
    pages = [str(ROOT / document) for document in documents(ROOT)]
    read = subprocess.run(
        [node, str(script), *pages], capture_output=True, text=True, check=False, timeout=BUILD_SECONDS
    )
    return read.stderr if read.returncode else ""


def served(command: list[str]) -> int:
    """Run a server until it is interrupted."""
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
